package control

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func mustListen(t *testing.T, path string) *Listener {
	t.Helper()
	l, err := Listen(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestSocketMode: only the owner may connect.
func TestSocketMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	mustListen(t, path)
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode is %v, want Srw-------", info.Mode())
	}
}

// TestLiveSocketIsLeftAlone: the second server is refused, and the first one goes on.
func TestLiveSocketIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	if l, err := Listen(f.path, nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen returned %v, %v, want EADDRINUSE", l, err)
	}
	if _, err := client.Status(deadline(t)); err != nil {
		t.Error(err)
	}
}

// TestPathTooLong: nothing is made, and the error tells the limit. The longest path there is works.
func TestPathTooLong(t *testing.T) {
	dir := t.TempDir()
	limit := len(syscall.RawSockaddrUnix{}.Path) - 1
	longest := filepath.Join(dir, strings.Repeat("x", limit-len(dir)-1))
	mustListen(t, longest).Close()
	_, err := Listen(longest+"x", nil)
	if err == nil || !strings.Contains(err.Error(), "bytes, a socket address holds") {
		t.Errorf("Listen with a path too long: %v", err)
	}
	if _, err := NewClient(longest + "x").Status(deadline(t)); err == nil || !strings.Contains(err.Error(), "a socket address holds") {
		t.Errorf("Status with a path too long: %v", err)
	}
	for _, path := range []string{"", "@abstract"} {
		if err := CheckPath(path); err == nil {
			t.Errorf("CheckPath(%q) accepts it", path)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Listen(filepath.Join(dir, "missing", "control.sock"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
}

// TestRenew: a socket whose file was removed is made again, what is not removed is left alone, and
// the server answers at the new one. Close removes that, and nothing is made after it.
func TestRenew(t *testing.T) {
	f := newFixture(t)
	l := mustListen(t, f.path)
	f.serve(l, f.server.Serve)
	client := NewClient(f.path)
	if again, err := l.Renew(); again || err != nil {
		t.Errorf("renewed what is there: %v, %v", again, err)
	}
	for range 3 {
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		if again, err := l.Renew(); !again || err != nil {
			t.Fatalf("renewed: %v, %v", again, err)
		}
		if _, err := client.Status(deadline(t)); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(os.Remove(f.path), os.WriteFile(f.path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if again, err := l.Renew(); again || err != nil {
		t.Errorf("renewed in the place of another file: %v, %v", again, err)
	}
	if err := errors.Join(os.Remove(f.path), f.server.Shutdown(deadline(t))); err != nil {
		t.Error(err)
	}
	if again, err := l.Renew(); again || err != nil {
		t.Errorf("renewed what is closed: %v, %v", again, err)
	}
	if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}
