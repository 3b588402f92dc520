package control

import (
	"errors"
	"io/fs"
	"net"
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

// TestSocketMode: only the owner may connect, whatever the umask is, and the umask stays as it was.
func TestSocketMode(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	path := filepath.Join(t.TempDir(), "control.sock")
	mustListen(t, path)
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode is %v, want Srw-------", info.Mode())
	}
	if mask := syscall.Umask(0); mask != 0 {
		t.Errorf("umask is %#o, was 0", mask)
	}
}

func TestDeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	leaveDead(t, path)
	mustListen(t, path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// leaveDead leaves a socket like a process that was killed.
func leaveDead(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// TestLiveSocketIsLeftAlone: the second server is refused, and the first one goes on.
func TestLiveSocketIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	if l, err := Listen(f.path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("Listen returned %v, %v, want ErrInUse", l, err)
	}
	if _, err := client.Status(deadline(t)); err != nil {
		t.Error(err)
	}
}

// TestBusySocketIsLeftAlone: a queue that is full of connections is no sign of death.
func TestBusySocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		var conn net.Conn
		if conn, err = net.Dial("unix", path); err == nil {
			defer conn.Close()
		}
	}
	if _, err := Listen(path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("Listen returned %v, want ErrInUse", err)
	}
}

// TestWhatIsNoSocketIsLeftAlone: a mistyped path costs nobody a file.
func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if _, err := Listen(path, nil); err == nil || !strings.HasSuffix(err.Error(), path+": it is there already, and no socket") {
			t.Errorf("Listen(%s): %v", path, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
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

func TestCloseRemovesTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	if err := mustListen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

// TestCloseLeavesTheSocketOfAnother that has taken the path, and takes the absence of its own for no error.
func TestCloseLeavesTheSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	first := mustListen(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := mustListen(t, path)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// TestSetPath is what a process does that has changed its root directory.
func TestSetPath(t *testing.T) {
	dir := t.TempDir()
	before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
	moved, lost := mustListen(t, before), mustListen(t, filepath.Join(dir, "lost"))
	if err := os.Rename(before, after); err != nil {
		t.Fatal(err)
	}
	moved.SetPath(after)
	lost.SetPath("")
	if err := errors.Join(moved.Close(), lost.Close()); err != nil {
		t.Error(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 || names[0].Name() != "lost" {
		t.Errorf("left: %v, %v; want lost alone", names, err)
	}
}
