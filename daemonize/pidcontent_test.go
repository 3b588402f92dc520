package daemonize

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// Only what Write writes is a pid. Other numbers may have been left by a crash; what is
// no number was never a pid file.
func TestParsePid(t *testing.T) {
	for _, test := range []struct {
		text     string
		pid      int
		foreign  bool
		describe string
	}{
		{"123\n", 123, false, "pid 123"},
		{"2147483647\n", math.MaxInt32, false, "pid 2147483647"},
		{"", 0, false, `""`},
		{"\n", 0, false, `"\n"`},
		{"0\n", 0, false, `"0\n"`},
		{"1\n", 1, false, "pid 1"}, // of a container
		{"-1\n", 0, false, `"-1\n"`},
		{"+5\n", 0, true, `"+5\n"`},
		{"0x10\n", 0, true, `"0x10\n"`},
		{"123", 0, false, `"123"`}, // the beginning of 12345
		{"123\n\n", 0, false, `"123\n\n"`},
		{"123\n456\n", 0, false, `"123\n456\n"`},
		{" 123\n", 0, false, `" 123\n"`},
		{"0123\n", 0, false, `"0123\n"`},
		{"2147483648\n", 0, false, `"2147483648\n"`}, // -2147483648 to kill(2)
		{"4294967297\n", 0, false, `"4294967297\n"`}, // 1 to kill(2)
		{"99999999999999999999\n", 0, false, `"99999999999999999999\n"`},
		{"123\x00", 0, false, `"123\x00"`},
		{"\x00\x00\x00\x00", 0, false, `"\x00\x00\x00\x00"`},
		{"garbage\n", 0, true, `"garbage\n"`},
		{"12abc\n", 0, true, `"12abc\n"`},
		{"root:x:0:0:root:/root:/bin/bash\ndaemon", 0, true, `"root:x:0:0:root:/root:/bin/bash\n"...`},
		{strings.Repeat("1", 33), 0, true, `"` + strings.Repeat("1", 32) + `"...`},
		{"١٢٣\n", 0, true, `"١٢٣\n"`},
	} {
		c := parsePid(test.text)
		if c.pid != test.pid || c.foreign() != test.foreign || c.describe() != test.describe {
			t.Errorf("%q: pid %d, foreign %v, %s; want pid %d, foreign %v, %s",
				test.text, c.pid, c.foreign(), c.describe(), test.pid, test.foreign, test.describe)
		}
	}
}

func FuzzParsePid(f *testing.F) {
	for _, text := range []string{"", "1\n", "123\n", "-1\n", "4294967297\n", "garbage", "\x00\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parsePid(text)
		if c.pid != 0 && (c.pid < 1 || c.pid > math.MaxInt32 || c.foreign()) {
			t.Errorf("%q: pid %d, foreign %v", text, c.pid, c.foreign())
		}
		if written := strconv.Itoa(c.pid) + "\n"; c.pid != 0 && written != text {
			t.Errorf("%q: pid %d, which is written %q", text, c.pid, written)
		}
		if d := c.describe(); len(d) > 150 || strings.ContainsFunc(d, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q is described as %q", text, d)
		}
	})
}
