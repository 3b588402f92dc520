//go:build linux

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// odd is a name that would end a line, clear a terminal in two ways, and turn the direction of what
// follows.
const odd = "a\nb\x1b[2Jc\u009b2Jd\u202ee"

// shown fails for text that a terminal would not show as it is.
func shown(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Errorf("%s prints %q in %q", what, r, text)
			return
		}
	}
}

// Names that others have chosen go to no terminal as they are.
func TestNamesOfOthersAreShownEscaped(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	o := b.run(t, exitOK, "echod", "start", "--listen=unix://"+filepath.Join(b.dir, odd), "--pid-file=p", "--log-file=l"+odd)
	shown(t, "start", o.stdout)
	if lines := strings.Count(o.stdout, "\n"); lines != 1 {
		t.Errorf("start prints %d lines: %q", lines, o.stdout)
	}
	mine := &net.UnixAddr{Name: filepath.Join(b.dir, "mine"+odd), Net: "unix"}
	c, err := net.DialUnix("unix", mine, &net.UnixAddr{Name: filepath.Join(b.dir, odd), Net: "unix"})
	check(t, err)
	defer c.Close()
	_, err = c.Write([]byte("x"))
	check(t, err)
	_, err = c.Read(make([]byte, 1))
	check(t, err)
	for verb, least := range map[string]int{"status": 2, "status --json": 1, "connections": 2, "connections --json": 3, "top --count=1": 2, "reopen": 1} {
		o := b.run(t, exitOK, append(append([]string{"echod"}, strings.Fields(verb)...), "--pid-file=p")...)
		shown(t, verb, o.stdout+o.stderr)
		if !strings.Contains(o.stdout, `\u202e`) || strings.Count(o.stdout, "\n") < least {
			t.Errorf("%s: %v", verb, o)
		}
	}
	log, err := os.ReadFile(filepath.Join(b.dir, "l"+odd))
	check(t, err)
	shown(t, "the log", string(log))
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// Errors are one line, whatever the paths and arguments in them are.
func TestErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	for _, argv := range [][]string{
		{"start", "--listen=127.0.0.1:0", "--pid-file=" + odd + "/p"},
		{"start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=" + odd + "/l"},
		{"run", "--listen=unix://" + filepath.Join(b.dir, odd, "s"), "--pid-file=p"},
		{"run", "--user=" + odd},
		{"run", "--work-dir=" + odd},
		{"run", "--listen=" + odd},
		{"start", "--" + odd},
		{odd},
		{"help", odd},
		{"ping", "unix://" + odd},
		{"ping", odd},
		{"disconnect", odd, "--pid-file=p"},
		{"connections", "--pid-file=" + odd},
		{"status", "--pid-file=" + odd},
		{"stop", "--pid-file=" + odd},
		{"log-level", odd, "--pid-file=p"},
	} {
		o, err := b.try(b.dir, append([]string{"echod"}, argv...)...)
		check(t, err)
		shown(t, strings.Join(argv, " "), o.stdout+o.stderr)
		if text := o.stdout + o.stderr; strings.Count(text, "\n") != 1 || argv[0] != "stop" && o.status == exitOK {
			t.Errorf("%q: %v", argv, o)
		}
	}
}

// A character is not taken apart where a list is.
func TestUnfinishedRune(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 0, "aä": 0, "a\xc3": 1, "世\xe4": 1, "世\xe4\xb8": 2, "\xf0\x9f\x98": 3, "\xf0\x9f\x98\x80": 0, "\x80\x80\x80\x80": 0} {
		if got := unfinishedRune([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
