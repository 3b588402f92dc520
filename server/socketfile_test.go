package server

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func listenAt(t *testing.T, text string) (net.Listener, error) {
	t.Helper()
	a, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := a.Listen(context.Background())
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func mustListenAt(t *testing.T, text string) net.Listener {
	t.Helper()
	l, err := listenAt(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A Unix socket is served for every user of the machine, and its file is gone afterwards.
func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var s Server
	l := mustListenAt(t, "unix://"+path)
	servedC := make(chan error, 1)
	go func() { servedC <- s.Serve(l, nil) }()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o666 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, []byte("over a file"))
	conn.Close()
	s.Close()
	if err := wait(t, "Serve", servedC); !errors.Is(err, ErrServerClosed) {
		t.Error(err)
	}
	if exists(path) {
		t.Error("the file is still there")
	}
}

func TestSocketFileWithoutDirectory(t *testing.T) {
	if _, err := listenAt(t, "unix://"+filepath.Join(t.TempDir(), "missing", "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A file that somebody has put in the place of the socket's own survives.
func TestSocketFileOfAnotherIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := mustListenAt(t, "unix://"+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := mustListenAt(t, "unix://"+path)
	first.Close()
	if !exists(path) {
		t.Error("the file of the second listener was removed by the first")
	}
	second.Close()
	if exists(path) {
		t.Error("the second listener left its file")
	}
}

func TestSocketFileChown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l := mustListenAt(t, "unix://"+path)
	uid := os.Geteuid()
	if uid == 0 {
		uid = 65534
	}
	if err := l.(*UnixListener).Chown(uid, -1); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != uid {
		t.Errorf("the file belongs to %d", st.Uid)
	}
	l.Close()
	if exists(path) {
		t.Error("the file is still there")
	}
}

// What somebody has put in the place of the socket is not given away: links are not followed, and
// what they lead to is told from what was made.
func TestChownOfAnotherFile(t *testing.T) {
	replacements := map[string]func(path, other string) error{
		"file":             func(path, _ string) error { return os.WriteFile(path, nil, 0o600) },
		"symbolic link":    func(path, other string) error { return os.Symlink(other, path) },
		"hard link":        func(path, other string) error { return os.Link(other, path) },
		"link to the same": func(path, _ string) error { return os.Symlink(path+".moved", path) },
		"nothing":          func(string, string) error { return nil },
	}
	for name, replace := range replacements {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, other := filepath.Join(dir, "s"), filepath.Join(dir, "other")
			l := mustListenAt(t, "unix://"+path).(*UnixListener)
			mustListenAt(t, "unix://"+other)
			if err := errors.Join(os.Rename(path, path+".moved"), replace(path, other)); err != nil {
				t.Fatal(err)
			}
			if err := l.Chown(os.Geteuid(), -1); err == nil {
				t.Error("no error")
			}
		})
	}
}

// A file that has another name was not made by a bind.
func TestHasOneName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	staleSocket(t, path)
	info := func() fs.FileInfo {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if !hasOneName(info()) {
		t.Error("a new socket is not known")
	}
	if err := os.Link(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if hasOneName(info()) {
		t.Error("a socket with two names is taken for new")
	}
}

// Whom the file lets connect is settled by its mode alone, and the umask stays as it was.
func TestSocketFileMode(t *testing.T) {
	for _, umask := range []int{0, 0o077, 0o777} {
		for _, mode := range []fs.FileMode{0o600, 0o660, 0o666} {
			path := filepath.Join(t.TempDir(), "s")
			before := syscall.Umask(umask)
			l, err := ListenUnix(t.Context(), path, mode)
			if now := syscall.Umask(before); now != umask {
				t.Errorf("the umask is %#o, was %#o", now, umask)
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|mode {
				t.Errorf("with the umask %#o and mode %v the file is %v, %v", umask, mode, info.Mode(), err)
			}
			l.Close()
		}
	}
}

// As after chroot(2): the file has another path now, or none.
func TestSocketFileSetPath(t *testing.T) {
	dir := t.TempDir()
	before, after, lost := filepath.Join(dir, "before"), filepath.Join(dir, "after"), filepath.Join(dir, "lost")
	moved, left := mustListenAt(t, "unix://"+before).(*UnixListener), mustListenAt(t, "unix://"+lost).(*UnixListener)
	if err := os.Rename(before, after); err != nil {
		t.Fatal(err)
	}
	moved.SetPath(after)
	left.SetPath("")
	if err := errors.Join(moved.Close(), left.Close()); err != nil {
		t.Error(err)
	}
	if exists(after) || !exists(lost) {
		t.Errorf("the one that was moved is there: %t; the one that cannot be reached: %t", exists(after), exists(lost))
	}
}

// The longest path that is accepted can be bound.
func TestLongestSocketPath(t *testing.T) {
	dir := t.TempDir() + "/"
	if len(dir) >= MaxSocketPath {
		t.Fatalf("the temporary directory has a path of %d bytes", len(dir))
	}
	mustListenAt(t, "unix://"+dir+strings.Repeat("x", MaxSocketPath-len(dir)))
}

func TestListenOnTheWrongKind(t *testing.T) {
	for _, text := range []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"} {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		if a.Network() == "udp" {
			_, err = a.Listen(context.Background())
		} else {
			_, err = a.ListenPacket(context.Background())
		}
		var unknown net.UnknownNetworkError
		if !errors.As(err, &unknown) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
