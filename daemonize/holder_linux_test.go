package daemonize

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A program that locks the file is no daemon, whatever its lock.
func TestFindStranger(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		command func(t *testing.T, path string) *exec.Cmd
		find    string // "" for what Find says of an unlocked file
		lock    string // "" for a success
	}{
		{"flock(1)", flock("--exclusive"), lockedByOther, lockedByOther},
		{"flock(1) --shared", flock("--shared"), "", lockedByOther},
		{"fcntl(2), to write", recordLock("write"), lockedByOther, lockedByOther},
		{"fcntl(2), to read", recordLock("read"), "", lockedByOther},
		{"fcntl(2), of an open file", recordLock("open-file"), "", lockedByOther},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := pidFileWith(t, "5\n")
			stranger(t, test.command(t, path))
			_, err := Find(path)
			var foreign *ForeignError
			var stale *StaleError
			switch {
			case test.find == "" && !errors.As(err, &stale):
				t.Errorf("Find: %v, want stale", err)
			case test.find != "" && (!errors.As(err, &foreign) || foreign.Reason != test.find):
				t.Errorf("Find: %v, want that it %s", err, test.find)
			}
			_, err = LockPidFile(path)
			if !errors.As(err, &foreign) || foreign.Reason != test.lock {
				t.Errorf("LockPidFile: %v, want that it %s", err, test.lock)
			}
		})
	}
}

func recordLock(mode string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, path string) *exec.Cmd {
		return command(t, play{Role: "lock", Words: mode + " " + path})
	}
}

// The first process of a container has another number outside, and there it can be found and
// stopped.
func TestFindContained(t *testing.T) {
	needRoot(t, "makes pid namespaces")
	leash := newLeash(t)
	p := play{Role: "serve", Foreground: true, Leash: leash.address(), Daemon: inDirectory(t)}
	container := launch(t, through(t, command(t, p), "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"))
	if d := leash.ready("serve"); d.Pid != 1 {
		t.Fatalf("not the first process, but pid %d", d.Pid)
	}
	if got := readFile(t, p.Daemon.PidFile); got != "1\n" {
		t.Errorf("pid file holds %q", got)
	}
	h, err := Find(p.Daemon.PidFile)
	if err != nil || h.Pid < 2 || !h.Ready {
		t.Fatalf("found %+v, %v", h, err)
	}
	if stopped, err := (Stop{Timeout: patience}).Stop(t.Context(), p.Daemon.PidFile); err != nil || *stopped != (Stopped{h.Pid, false}) {
		t.Errorf("stopped %+v, %v", stopped, err)
	}
	container.wait()
	removed(t, p.Daemon.PidFile)
}

// A daemon whose number cannot be known from inside of a container is not taken for a stranger,
// or for nobody.
func TestFindFromContainer(t *testing.T) {
	needRoot(t, "makes pid namespaces")
	d, daemon := running(t, "serve", "")
	d.expect("detached")
	d.expect("ready")
	cmd := through(t, command(t, play{Role: "find", Words: daemon.PidFile}), "unshare", "--pid", "--fork", "--kill-child")
	want := "use pid file " + daemon.PidFile + ": it is locked by a process of another pid namespace"
	if r := launch(t, cmd).wait(); r.exit != exitOther || r.Error != want {
		t.Errorf("%v, want %s", r, want)
	}
}

// Everybody can see what runs. To stop it takes the right to, and lack of it does not mean that
// it is gone.
func TestFindAsNobody(t *testing.T) {
	needRoot(t, "becomes another user")
	leash := newLeash(t)
	p := play{Role: "hesitate", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	d := leash.await("hesitate")
	d.expect("detached")
	ask := func(found, stopped, ended string) {
		t.Helper()
		launch(t, command(t, play{Role: "be nobody", Words: p.Daemon.PidFile, Leash: leash.address()}))
		nobody := leash.await("be nobody")
		if got := nobody.expect("found"); got != found {
			t.Errorf("found %s, want %s", got, found)
		}
		if got := nobody.expect("stopped"); got != stopped {
			t.Errorf("stopped: %s, want %s", got, stopped)
		}
		if ended == "" {
			return
		}
		if got := nobody.expect("ended"); got != ended {
			t.Errorf("ended: %s, want %s", got, ended)
		}
	}
	notPermitted := fmt.Sprintf("signal pid %d: operation not permitted", d.Pid)
	ask(fmt.Sprintf("&{Pid:%d Ready:false}, <nil>", d.Pid), notPermitted, "false, <nil>")
	d.cue("go on")
	launcher.started()
	ask(fmt.Sprintf("&{Pid:%d Ready:true}, <nil>", d.Pid), notPermitted, "false, <nil>")
	d.handle.signal(syscall.SIGKILL)
	d.awaitEnd()
	stale := (&StaleError{p.Daemon.PidFile, fmt.Sprintf("pid %d", d.Pid)}).Error()
	ask("<nil>, "+stale, stale, "")
	if err := os.Remove(p.Daemon.PidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	ask("<nil>, not running", "not running", "")

	// Where the file cannot be read, it is not known who runs.
	secret := pidFileWith(t, "")
	launch(t, command(t, play{Role: "be nobody", Words: secret, Leash: leash.address()}))
	if got, want := leash.await("be nobody").expect("found"), "<nil>, open pid file "+secret+": permission denied"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

// The number of a thread is not that of a daemon, although kill(2) takes it.
func TestFindThread(t *testing.T) {
	for _, thread := range otherThreads(t) {
		path := pidFileWith(t, thread+"\n")
		var stale *StaleError
		if _, err := Find(path); !errors.As(err, &stale) || stale.Content != "pid "+thread {
			t.Errorf("thread %s: %v", thread, err)
		}
	}
}

func otherThreads(t *testing.T) (threads []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != fmt.Sprint(os.Getpid()) {
			threads = append(threads, e.Name())
		}
	}
	if threads == nil {
		t.Fatal("this process has one thread")
	}
	return threads
}
