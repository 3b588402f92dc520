package logging

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// Each kind of thing that cannot be a log file is refused with one line that
// names it and the reason, and is left as it was.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(path("directory"), 0o755))
	must(syscall.Mkfifo(path("fifo"), 0o644))
	must(syscall.Mkfifo(path("read-fifo"), 0o644))
	reader, err := os.OpenFile(path("read-fifo"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(err)
	t.Cleanup(func() { reader.Close() })
	socket, err := net.Listen("unix", path("socket"))
	must(err)
	t.Cleanup(func() { socket.Close() })
	must(os.WriteFile(path("file"), nil, 0o644))
	must(os.Symlink("directory", path("link")))
	must(os.Symlink("nowhere", path("dangling")))
	must(os.Symlink("loop", path("loop")))
	master, terminal, err := pty.Open()
	must(err)
	t.Cleanup(func() { master.Close(); terminal.Close() })

	for _, test := range []struct {
		path, cause string
		is          error
	}{
		{"", "empty path: invalid argument", fs.ErrInvalid},
		{path("directory"), "is a directory, not a regular file", ErrNotRegular},
		{path("link"), "is a directory, not a regular file", ErrNotRegular},
		{path("directory") + "/", "is a directory, not a regular file", ErrNotRegular},
		{path("fifo"), "is a named pipe, not a regular file", ErrNotRegular},
		{path("read-fifo"), "is a named pipe, not a regular file", ErrNotRegular},
		{path("socket"), "is a socket, not a regular file", ErrNotRegular},
		{terminal.Name(), "is a device, not a regular file", ErrNotRegular},
		{"/dev/zero", "is a device, not a regular file", ErrNotRegular},
		{path("missing/log"), "directory " + path("missing") + ": no such file or directory", fs.ErrNotExist},
		{path("file/log"), "not a directory", syscall.ENOTDIR},
		{path("dangling"), "symbolic link to a missing file: file does not exist", fs.ErrNotExist},
		{path("loop"), "too many levels of symbolic links", syscall.ELOOP},
		{path(strings.Repeat("x", 300)), "file name too long", syscall.ENAMETOOLONG},
		{path("nul\x00byte"), "invalid argument", syscall.EINVAL},
	} {
		before := list(t, dir)
		f, err := OpenFile(test.path, Options{})
		if err == nil {
			f.Close()
			t.Errorf("%q was opened", test.path)
			continue
		}
		want := strings.TrimRight("open log file "+test.path, "/ ") + ": " + test.cause
		if err.Error() != want {
			t.Errorf("error is\n%q, want\n%q", err, want)
		}
		if !errors.Is(err, test.is) {
			t.Errorf("%q does not match %v", err, test.is)
		}
		if diff := cmp.Diff(before, list(t, dir)); diff != "" {
			t.Errorf("%q: directory changed: %s", test.path, diff)
		}
	}
}

// list returns the names and modes of a directory's files.
func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Mode().String()+" "+e.Name())
	}
	return names
}

// What replaces the file between the first look and the opening is refused too.
func TestSettleRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := new(place).settle(int(w.Fd()), 0); !errors.Is(err, ErrNotRegular) {
		t.Errorf("error is %v", err)
	}
}

func TestOpenCreates(t *testing.T) {
	for _, umask := range []int{0, 0o027, 0o777} {
		path := logPath(t)
		before := syscall.Umask(umask)
		f, err := OpenFile(path, Options{})
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		closeLog(t, f)
		if !f.Created() {
			t.Error("not reported as created")
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o640 {
			t.Errorf("umask %#o: mode is %v", umask, info.Mode())
		}
	}
}

// A file that is there is appended to, and keeps its mode.
func TestOpenAppends(t *testing.T) {
	path := logPath(t)
	if err := os.WriteFile(path, []byte("before\n"), 0o604); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		f := openTest(t, p, Options{})
		if f.Created() {
			t.Error("reported as created")
		}
		if err := f.Handler().Handle(t.Context(), record("after")); err != nil {
			t.Fatal(err)
		}
		closeLog(t, f)
	}
	if got, want := read(t, path), "before\nlevel=INFO msg=after\nlevel=INFO msg=after\n"; got != want {
		t.Errorf("file holds %q, want %q", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o604 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
}

func TestOpenNull(t *testing.T) {
	f := openTest(t, os.DevNull, Options{})
	if f.Created() {
		t.Error("reported as created")
	}
	if err := f.Handler().Handle(t.Context(), record("message")); err != nil {
		t.Error(err)
	}
	closeLog(t, f)
	if f.Dropped() != 0 {
		t.Errorf("%d lines dropped", f.Dropped())
	}
}

// A relative path means the same file after the directory was changed.
func TestOpenRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f := openTest(t, "echod.log", Options{})
	t.Chdir(t.TempDir())
	if want := filepath.Join(dir, "echod.log"); f.Path() != want {
		t.Errorf("path is %s, want %s", f.Path(), want)
	}
}

// A file may be renamed and made anew while it is opened.
func TestOpenWhileRenamed(t *testing.T) {
	path := logPath(t)
	doneC := make(chan struct{})
	stopC := make(chan struct{})
	go func() {
		defer close(doneC)
		for {
			select {
			case <-stopC:
				return
			default:
				os.Rename(path, path+".1")
			}
		}
	}()
	for range 3000 {
		f, err := openLog(path, 0)
		if err != nil {
			t.Error(err)
			break
		}
		f.Close()
	}
	close(stopC)
	<-doneC
}

// Chown changes the file that was created, and no other.
func TestChown(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 12345, 54321
	}
	path := logPath(t)
	owner := func() [2]int {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		return [2]int{int(st.Uid), int(st.Gid)}
	}
	f := openTest(t, path, Options{})
	if err := f.Chown(uid, gid); err != nil {
		t.Fatal(err)
	}
	if owner() != [2]int{uid, gid} {
		t.Errorf("owner is %v", owner())
	}
	closeLog(t, f)

	f = openTest(t, path, Options{})
	if err := f.Chown(1, 1); err != nil {
		t.Fatal(err)
	}
	if owner() != [2]int{uid, gid} {
		t.Errorf("owner became %v", owner())
	}
}
