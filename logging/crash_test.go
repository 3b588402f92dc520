package logging

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// crashProgram logs, reopens the log after a rename, and panics.
func crashProgram() int {
	path := os.Args[1]
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	f, err := OpenFile(path, Options{})
	check(err)
	check(f.CaptureCrashes())
	check(os.Rename(path, path+".1"))
	check(f.Reopen())
	slog.New(f.Handler()).Info("about to crash")
	if os.Args[2] == "closed" {
		check(f.Close())
	}
	panic("the text of the crash")
}

// The text of a crash is in the log, in the file of the last Reopen.
func TestCrash(t *testing.T) {
	path := logPath(t)
	out, err := program(t, "crash", path, "open").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: the text of the crash") {
		t.Fatalf("%v, output: %s", err, out)
	}
	if text := read(t, path); !strings.Contains(text, "panic: the text of the crash\n") || !strings.Contains(text, "crashProgram") {
		t.Errorf("log holds %q", text)
	}
	if text := read(t, path+".1"); text != "" {
		t.Errorf("the file before holds %q", text)
	}
}

// After Close the file is left alone.
func TestCrashAfterClose(t *testing.T) {
	path := logPath(t)
	if out, err := program(t, "crash", path, "closed").CombinedOutput(); err == nil {
		t.Fatalf("no crash: %s", out)
	}
	if text := read(t, path); strings.Contains(text, "panic") || !strings.HasSuffix(text, "msg=\"about to crash\"\n") {
		t.Errorf("log holds %q", text)
	}
}
