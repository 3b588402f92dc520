package logging

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What could end a line, move the cursor, turn the direction of text or not be seen is escaped; all
// else stays.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		`/run/e "x" \ =`:                `/run/e "x" \ =`,
		"grüße 世界 \ufffd":               "grüße 世界 \ufffd",
		"a\nb\tc\rd":                    `a\nb\tc\rd`,
		"\x1b[2J\x00\x7f":               `\x1b[2J\x00\x7f`,
		"\u009b31m":                     `\u009b31m`,
		"a\u202eb\u2066c\u200bd\ufeffe": `a\u202eb\u2066c\u200bd\ufeffe`,
		"a\xffb\x9b":                    `a\xffb\x9b`,
		"\U000e0001":                    `\U000e0001`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// JSON means the same when it was made printable.
func TestPrintableJSON(t *testing.T) {
	want := map[string]string{"a\n\x1b\u009b\u202e\U000e0001": "grüße"}
	text, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	shown := PrintableJSON(text)
	var got map[string]string
	if err := json.Unmarshal(shown, &got); err != nil || len(got) != 1 || got["a\n\x1b\u009b\u202e\U000e0001"] != "grüße" {
		t.Errorf("%s: %v", shown, err)
	}
	if strings.ContainsAny(string(shown), "\x1b\u009b\u202e\U000e0001") {
		t.Errorf("%q", shown)
	}
	if raw := PrintableJSON([]byte("{\x1b\r\xff}")); !utf8.Valid(raw) || strings.ContainsAny(string(raw), "\x1b\r") {
		t.Errorf("what is no JSON becomes %q", raw)
	}
}
