package daemonize

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
)

// While another start is under way, a second one waits for what becomes of it.
func TestLaunchSecond(t *testing.T) {
	first := func(t *testing.T) (play, *leash, *performer) {
		leash := newLeash(t)
		p := play{Role: "hesitate", Leash: leash.address(), Daemon: inDirectory(t)}
		launch(t, command(t, p))
		d := leash.await("hesitate")
		d.expect("detached")
		return p, leash, d
	}
	// second is a launcher that finds the first one starting; then what happens.
	second := func(p play, what func()) (*Launched, error) {
		d := inProcess(t, p)
		d.sys = &looking{then: what}
		_, launched, err := d.Detach()
		return launched, err
	}
	t.Run("first is ready", func(t *testing.T) {
		p, _, d := first(t)
		_, err := second(p, func() {
			d.cue("go on")
			d.expect("ready")
		})
		var running *RunningError
		if !errors.As(err, &running) || running.Holder != (Holder{d.Pid, true}) || err.Error() != fmt.Sprintf("already running, pid %d", d.Pid) {
			t.Errorf("error %v, pid %d", err, d.Pid)
		}
	})
	t.Run("first fails", func(t *testing.T) {
		p, leash, d := first(t)
		p.Role = "serve"
		launched, err := second(p, func() {
			d.handle.signal(syscall.SIGKILL)
			d.awaitEnd()
		})
		if own := leash.ready("serve"); err != nil || launched.Pid != own.Pid {
			t.Errorf("launched %+v, %v, want pid %d", launched, err, own.Pid)
		}
	})
	t.Run("first hangs", func(t *testing.T) {
		p, _, d := first(t)
		p.Daemon.ReadyTimeout = hangTime
		r := launch(t, command(t, p)).wait()
		want := fmt.Sprintf("wait for another start, pid %d: not ready after 3s", d.Pid)
		if r.exit != 1 || r.Error != want {
			t.Errorf("%v; want %q", r, want)
		}
		if !d.alive() {
			t.Error("the first has ended")
		}
	})
	t.Run("second is interrupted", func(t *testing.T) {
		p, _, d := first(t)
		_, err := second(p, func() { syscall.Kill(os.Getpid(), syscall.SIGINT) })
		want := fmt.Sprintf("wait for another start, pid %d: interrupted by signal: interrupt", d.Pid)
		var failed *StartError
		if !errors.As(err, &failed) || failed.Status != 1 || failed.Message != want {
			t.Errorf("error %v, want %q", err, want)
		}
	})
}

// A looking system lets something happen, once, when it has said that a pid file is held: the
// last thing that Find asks.
type looking struct {
	kernel
	then func()
	once sync.Once
}

func (l *looking) flock(fd, how int) error {
	err := l.kernel.flock(fd, how)
	l.once.Do(l.then)
	return err
}
