package daemonize

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// running starts a daemon in a role, with a pid file.
func running(t *testing.T, name, words string) (*performer, Daemon) {
	t.Helper()
	leash := newLeash(t)
	p := play{Role: name, Words: words, Leash: leash.address(), Daemon: inDirectory(t)}
	launch(t, command(t, p)).started()
	return leash.await(name), p.Daemon
}

// removed holds when the daemon of a pid file is gone.
func removed(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is left: %v", err)
	}
}

// When Stop returns the daemon is gone, and so is its pid file, whether it removed it or not.
func TestStop(t *testing.T) {
	for _, test := range []struct {
		words string // how the daemon takes it
		stop  Stop
		want  bool // killed
	}{
		{"TERM", Stop{}, false},
		{"TERM", Stop{Timeout: patience}, false},
		{"QUIT", Stop{Signal: syscall.SIGQUIT, Timeout: patience}, false},
		{"nothing", Stop{Timeout: patience}, false}, // the signal ends it
		{"ignore", Stop{Timeout: 100 * time.Millisecond}, true},
	} {
		t.Run(test.words, func(t *testing.T) {
			d, daemon := running(t, "end by signal", test.words)
			d.expect("ready")
			stopped, err := test.stop.Stop(t.Context(), daemon.PidFile)
			if err != nil || *stopped != (Stopped{d.Pid, test.want}) {
				t.Errorf("stopped %+v, %v; want pid %d, killed %v", stopped, err, d.Pid, test.want)
			}
			if d.alive() {
				t.Error("the daemon is there")
			}
			removed(t, daemon.PidFile)
		})
	}
}

// The wait, not the daemon, ends with the context.
func TestStopCancelled(t *testing.T) {
	d, daemon := running(t, "end by signal", "say TERM")
	d.expect("ready")
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	errC := make(chan error, 1)
	go func() {
		_, err := Stop{}.Stop(ctx, daemon.PidFile)
		errC <- err
	}()
	d.expect("TERM")
	cancel(cause)
	if err := <-errC; !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	if _, err := (Stop{}).Stop(ctx, daemon.PidFile); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	// The second one has sent nothing.
	d.handle.signal(syscall.SIGHUP)
	d.expect("HUP")
}

// A daemon that is not ready yet is stopped like any other, and its launcher says so.
func TestStopStarting(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hang", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	d := leash.await("hang")
	stopped, err := Stop{Timeout: patience}.Stop(t.Context(), p.Daemon.PidFile)
	if err != nil || *stopped != (Stopped{d.Pid, false}) {
		t.Errorf("stopped %+v, %v", stopped, err)
	}
	if r := launcher.wait(); r.exit != 1 || r.Error != "daemon ended before it was ready: signal: terminated" {
		t.Error(r)
	}
	nothingLeft(t, p.Daemon)
}

// Nobody gets a signal because a file has his number.
func TestStopNobody(t *testing.T) {
	leash := newLeash(t)
	d := launchProgram(t, leash, play{Role: "say signals"})
	for _, content := range []string{pidLine(d.Pid), "1\n", "0\n", "-1\n", "garbage\n"} {
		path := pidFileWith(t, content)
		_, err := Stop{}.Stop(t.Context(), path)
		var stale *StaleError
		if !errors.As(err, &stale) {
			t.Errorf("%q: %v, want stale", content, err)
		}
		if got := readFile(t, path); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
	if _, err := (Stop{}).Stop(t.Context(), pidFileWith(t, "")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("empty file: %v, want %v", err, ErrNotRunning)
	}
	d.handle.signal(syscall.SIGHUP)
	d.expect("HUP")
}

// launchProgram starts one of programs.
func launchProgram(t *testing.T, leash *leash, p play) *performer {
	t.Helper()
	p.Leash = leash.address()
	launch(t, command(t, p))
	d := leash.await(p.Role)
	d.expect("ready")
	return d
}

func (ending) signal(syscall.Signal) error { return syscall.ESRCH }
func (ending) wait(ms int) (bool, error)   { return ms > 0, nil }
func (ending) close()                      {}

func (byPid) process(pid int) (processHandle, error) { return newPidHandle(pid) }
