package daemonize

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// pidFileWith makes a pid file that nobody has locked.
func pidFileWith(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever an unlocked file says, no daemon runs; not even when there is a process of that number.
func TestFindUnlocked(t *testing.T) {
	alive := strconv.Itoa(os.Getpid()) + "\n"
	for _, content := range []string{"", "0\n", "-1\n", "1\n", "garbage\n", "99999999999999999999\n", "\x00\x00\x00\x00", alive} {
		path := pidFileWith(t, content)
		_, err := Find(path)
		var stale *StaleError
		switch {
		case content == "" && !errors.Is(err, ErrNotRunning):
			t.Errorf("%q: %v, want %v", content, err, ErrNotRunning)
		case content == "":
		case !errors.As(err, &stale) || stale.Path != path || stale.Content != parsePid(content).describe():
			t.Errorf("%q: %v", content, err)
		}
		if got := readFile(t, path); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
}

// A path without a file, or below what is no directory.
func TestFindNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	for _, path := range []string{path, filepath.Join(path, "pid")} {
		if _, err := Find(path); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v, want %v", path, err, ErrNotRunning)
		}
	}
	path = filepath.Join(pidFileWith(t, ""), "pid")
	if _, err := Find(path); !errors.Is(err, syscall.ENOTDIR) || err.Error() != "open pid file "+path+": not a directory" {
		t.Errorf("below a file: %v", err)
	}
}

// What is no file is not read, not waited for, and not followed.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := pidFileWith(t, "")
	for name, err := range map[string]error{
		"link":      os.Symlink(file, at("link")),
		"dangling":  os.Symlink(at("nowhere"), at("dangling")),
		"fifo":      syscall.Mkfifo(at("fifo"), 0o600),
		"directory": os.Mkdir(at("directory"), 0o700),
		"socket":    listenAndLeave(at("socket")),
	} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for path, what := range map[string]string{
		at("link"):      "is a symbolic link",
		at("dangling"):  "is a symbolic link",
		at("fifo"):      "is a named pipe",
		at("directory"): "is a directory",
		at("socket"):    "is a socket",
		os.DevNull:      "is a device",
	} {
		_, findErr := Find(path)
		_, lockErr := LockPidFile(path)
		for _, err := range []error{findErr, lockErr} {
			var foreign *ForeignError
			if !errors.As(err, &foreign) || *foreign != (ForeignError{"pid file", path, what}) {
				t.Errorf("%v, want that it %s", err, what)
			}
		}
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("a dangling link was followed")
	}
}

func listenAndLeave(path string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}

// A daemon is found from the moment on that it has the file, and is ready when it says so.
func TestFindDaemon(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hesitate", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	d := leash.await("hesitate")
	d.expect("detached")
	if h, err := Find(p.Daemon.PidFile); err != nil || *h != (Holder{d.Pid, false}) {
		t.Errorf("starting: %v, %v", h, err)
	}
	d.cue("go on")
	launcher.started()
	if h, err := Find(p.Daemon.PidFile); err != nil || *h != (Holder{d.Pid, true}) {
		t.Errorf("ready: %v, %v", h, err)
	}
	if got := readFile(t, p.Daemon.PidFile); got != pidLine(d.Pid) {
		t.Errorf("pid file holds %q", got)
	}
	d.handle.signal(syscall.SIGTERM)
	d.awaitEnd()
	if h, err := Find(p.Daemon.PidFile); !errors.Is(err, ErrNotRunning) {
		t.Errorf("ended: %v, %v", h, err)
	}
	if _, err := os.Lstat(p.Daemon.RuntimeDirectory); err != nil {
		t.Errorf("the directory stays for the next one: %v", err)
	}
}

// A pid file that was removed names nobody; the daemon does not remove another's in its place.
func TestFindRemoved(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "serve", Leash: leash.address(), Daemon: inDirectory(t)}
	launch(t, command(t, p)).started()
	first := leash.ready("serve")
	if err := os.Remove(p.Daemon.PidFile); err != nil {
		t.Fatal(err)
	}
	if h, err := Find(p.Daemon.PidFile); !errors.Is(err, ErrNotRunning) {
		t.Errorf("removed: %v, %v", h, err)
	}
	launch(t, command(t, p)).started()
	second := leash.ready("serve")
	first.handle.signal(syscall.SIGTERM)
	first.awaitEnd()
	if h, err := Find(p.Daemon.PidFile); err != nil || *h != (Holder{second.Pid, true}) {
		t.Errorf("replaced: %v, %v", h, err)
	}
}

// A daemon that has ended and was not waited for by its parent does not run.
func TestFindZombie(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "serve", Foreground: true, Leash: leash.address(), Daemon: inDirectory(t)}
	cmd := command(t, p)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	d := leash.ready("serve")
	d.handle.signal(syscall.SIGKILL)
	d.awaitEnd()
	if err := syscall.Kill(d.Pid, 0); err != nil {
		t.Fatalf("no zombie: %v", err)
	}
	var stale *StaleError
	if _, err := Find(p.Daemon.PidFile); !errors.As(err, &stale) || stale.Content != fmt.Sprintf("pid %d", d.Pid) {
		t.Errorf("Find: %v", err)
	}
	if _, err := (Stop{}).Stop(t.Context(), p.Daemon.PidFile); !errors.As(err, &stale) {
		t.Errorf("Stop: %v", err)
	}
}

// A replacing system has the file replaced, once, when it is asked about the lock.
type replacing struct {
	kernel
	once    sync.Once
	replace func()
	answer  error
}

func (r *replacing) flock(fd, how int) (err error) {
	err = r.kernel.flock(fd, how)
	r.once.Do(func() {
		r.replace()
		err = r.answer
	})
	return err
}

// What is found out about a file that has lost its path meanwhile is not true any more, whether its
// lock is free or lingers.
func TestFindReplaced(t *testing.T) {
	for _, answer := range []error{nil, syscall.EWOULDBLOCK} {
		path := pidFileWith(t, "5\n")
		sys := &replacing{answer: answer, replace: func() {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}}
		if _, err := find(sys, path); !errors.Is(err, ErrNotRunning) {
			t.Errorf("removed, %v: %v", answer, err)
		}
		path = pidFileWith(t, "5\n")
		sys = &replacing{answer: answer, replace: func() {
			if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("67\n"), 0o644)); err != nil {
				t.Error(err)
			}
		}}
		var stale *StaleError
		if _, err := find(sys, path); !errors.As(err, &stale) || stale.Content != "pid 67" {
			t.Errorf("replaced, %v: %v", answer, err)
		}
	}
}
