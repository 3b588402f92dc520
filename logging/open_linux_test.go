package logging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A file or directory that the user may not use is refused; the message says
// so, and the error matches.
func TestOpenWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	for path, mode := range map[string]fs.FileMode{"closed": 0o700, "read-only": 0o755} {
		if err := os.Mkdir(filepath.Join(dir, path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path, "file"), nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() != 0 {
			mode &^= 0o222 // an owner of directories that are closed to him
			if path == "closed" {
				mode = 0
			}
		}
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, path), 0o700) })
	}
	for d := dir; os.Getuid() == 0 && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"closed/file", "closed/new", "read-only/file", "read-only/new"} {
		path := filepath.Join(dir, name)
		err := openAsNobody(t, path)
		if want := "open log file " + path + ": permission denied"; !errors.Is(err, fs.ErrPermission) || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// openAsNobody opens a log as a user without rights.
func openAsNobody(t *testing.T, path string) error {
	errC := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			// The thread loses root's access to files with its fsuid, and
			// ends with this goroutine.
			runtime.LockOSThread()
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
			}
		}
		f, err := OpenFile(path, Options{})
		if err == nil {
			f.Close()
		}
		errC <- err
	}()
	return <-errC
}

// The descriptor appends, waits for slow disks, and is not inherited.
func TestOpenFlags(t *testing.T) {
	f := openTest(t, logPath(t), Options{})
	flags, err := unix.FcntlInt(f.file.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := unix.O_WRONLY | unix.O_APPEND; flags&(unix.O_ACCMODE|unix.O_APPEND|unix.O_NONBLOCK) != want {
		t.Errorf("flags are %#o, want %#o", flags, want)
	}
	if flags, err = unix.FcntlInt(f.file.Fd(), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor is inherited: flags %#o, %v", flags, err)
	}
}

// The null device is known by its number, not by its name.
func TestOpenNullByOtherName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nothing")
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		needRoot(t, err.Error())
	}
	f, err := OpenFile(path, Options{})
	if errors.Is(err, fs.ErrPermission) {
		needRoot(t, "devices cannot be used on this file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, f)
}

// What cannot be a log file is not even opened: that alone has effects on some
// devices, and lets the reader of a FIFO go on.
func TestRefusedIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, path, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(path, Options{}); !errors.Is(err, ErrNotRegular) {
		t.Errorf("error is %v", err)
	}
	if n, err := unix.Read(watch, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the FIFO was opened: %d bytes of events, %v", n, err)
	}
}
