package daemonize

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// By pid alone a process is known by the time that it started, too.
func TestStopByPid(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"TERM", "nothing", "ignore"} {
		d, daemon := running(t, "end by signal", words)
		d.expect("ready")
		stopped, err := Stop{Timeout: time.Second, sys: byPid{}}.Stop(t.Context(), daemon.PidFile)
		if err != nil || *stopped != (Stopped{d.Pid, words == "ignore"}) || d.alive() {
			t.Errorf("%s: stopped %+v, %v, alive %v", words, stopped, err, d.alive())
		}
		removed(t, daemon.PidFile)
	}
}

// byPid is a system without pidfds.
type byPid struct{ kernel }

// A number that has passed on to another process is neither signalled nor waited for.
func TestPidHandleRecycled(t *testing.T) {
	d := launchProgram(t, newLeash(t), play{Role: "say signals"})
	h, err := newPidHandle(d.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if h.started == "" {
		t.Skip("this system does not tell when a process has started")
	}
	recycled := pidHandle{d.Pid, h.started + "0"}
	if err := recycled.signal(syscall.SIGTERM); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("signal: %v, want %v", err, syscall.ESRCH)
	}
	if ended, err := recycled.wait(0); err != nil || !ended {
		t.Errorf("ended %v, %v", ended, err)
	}
	if ended, err := h.wait(0); err != nil || ended {
		t.Errorf("the process itself: ended %v, %v", ended, err)
	}
	if err := h.signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	d.expect("HUP")
}

// A process that nobody has waited for has ended: for who waits, and for who begins to.
func TestHandleZombie(t *testing.T) {
	for name, open := range map[string]func(int) (processHandle, error){
		"kernel": kernel{}.process,
		"by pid": byPid{}.process,
	} {
		cmd := command(t, play{Role: "hold", Leash: newLeash(t).address()})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		h, err := open(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		if ended, err := awaitEnd(t.Context(), h, cmd.Process.Pid, patience); err != nil || !ended {
			t.Errorf("%s: ended %v, %v", name, ended, err)
		}
		if late, err := open(cmd.Process.Pid); err == nil {
			if ended, err := awaitEnd(t.Context(), late, cmd.Process.Pid, patience); err != nil || !ended {
				t.Errorf("%s, opened late: ended %v, %v", name, ended, err)
			}
			late.close()
		} else if !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s, opened late: %v", name, err)
		}
		h.close()
		cmd.Wait()
	}
}
