package logging

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"testing"
)

// A file that was made for the log goes with it, with all that was written.
func TestDiscardRemovesNewFile(t *testing.T) {
	path := logPath(t)
	f := openTest(t, path, Options{})
	slog.New(f.Handler()).Info("started")
	if err := errors.Join(f.Flush(deadline), f.Discard()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

// One that cannot be removed is left empty.
func TestDiscardEmptiesNewFile(t *testing.T) {
	path := logPath(t)
	f := openTest(t, path, Options{})
	slog.New(f.Handler()).Info("started")
	if err := f.Flush(deadline); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if text := read(t, path+".1"); text != "" {
		t.Errorf("the file holds %q", text)
	}
}

// One that was there before keeps what it holds.
func TestDiscardKeepsOldFile(t *testing.T) {
	path := logPath(t)
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := openTest(t, path, Options{})
	slog.New(f.Handler()).Info("not started")
	if err := f.Discard(); err != nil {
		t.Error(err)
	}
	if text := read(t, path); len(text) <= len("old\n") {
		t.Errorf("the file holds %q", text)
	}
}
