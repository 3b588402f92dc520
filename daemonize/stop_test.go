package daemonize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
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

// A told system says who has the lock: the next of holders, and the last one for ever.
type told struct {
	kernel
	holders []int
	opened  []int // the processes that handles were asked for
	handle  func(pid int) (processHandle, error)
}

func (s *told) claimant(int) (int, error) {
	next := s.holders[0]
	if len(s.holders) > 1 {
		s.holders = s.holders[1:]
	}
	return next, nil
}

// flock finds the lock taken.
func (s *told) flock(int, int) error { return syscall.EWOULDBLOCK }

func (s *told) process(pid int) (processHandle, error) {
	s.opened = append(s.opened, pid)
	return s.handle(pid)
}

// A handle that is not of a process.
type idle struct {
	signals []syscall.Signal
	ended   bool
	closed  bool
}

func (h *idle) signal(s syscall.Signal) error {
	h.signals = append(h.signals, s)
	return nil
}

func (h *idle) wait(milliseconds int) (bool, error) {
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return h.ended, nil
}

func (h *idle) close() { h.closed = true }

// A process that has ended before the signal came has been stopped.
func TestStopEnding(t *testing.T) {
	sys := &told{holders: []int{5}, handle: func(int) (processHandle, error) { return ending{}, nil }}
	if stopped, err := (Stop{sys: sys}).Stop(t.Context(), pidFileWith(t, "5\n")); err != nil || *stopped != (Stopped{Pid: 5}) {
		t.Errorf("stopped %v, %v", stopped, err)
	}
}

// ending is a handle of a process that ends as soon as it is looked at.
type ending struct{}

func (ending) signal(syscall.Signal) error { return syscall.ESRCH }
func (ending) wait(int) (bool, error)      { return true, nil }
func (ending) close()                      {}

// The first process of a container is never sent a signal.
func TestStopFirstProcess(t *testing.T) {
	sys := &told{holders: []int{1}}
	_, err := Stop{sys: sys}.Stop(t.Context(), pidFileWith(t, "1\n"))
	if err == nil || err.Error() != "signal pid 1: never done" || sys.opened != nil {
		t.Errorf("error %v, handles of %v", err, sys.opened)
	}
}

// A process that is not the holder any more when its handle is there gets no signal.
func TestStopPassedOn(t *testing.T) {
	handles := map[int]*idle{5: {}, 6: {ended: true}}
	sys := &told{holders: []int{5, 6}, handle: func(pid int) (processHandle, error) { return handles[pid], nil }}
	stopped, err := Stop{sys: sys}.Stop(t.Context(), pidFileWith(t, ""))
	if err != nil || stopped.Pid != 6 {
		t.Errorf("stopped %v, %v; want pid 6", stopped, err)
	}
	if h := handles[5]; h.signals != nil || !h.closed {
		t.Errorf("pid 5: %+v", h)
	}
	if h := handles[6]; len(h.signals) != 1 || h.signals[0] != syscall.SIGTERM || !h.closed {
		t.Errorf("pid 6: %+v", h)
	}
}

// Where the system does not tell who has the lock, a file that a stranger has locked may name somebody who is
// long gone.
func TestStopStranger(t *testing.T) {
	t.Parallel()
	sys := &told{holders: []int{5}, handle: func(int) (processHandle, error) { return nil, syscall.ESRCH }}
	path := pidFileWith(t, "5\n")
	_, err := Stop{sys: sys}.Stop(t.Context(), path)
	if want := "use pid file " + path + ": it is locked by another program"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A daemon whose pid cannot be known before it is ready is waited for.
func TestStopUnknownPid(t *testing.T) {
	h := &idle{ended: true}
	sys := &silent{told: told{handle: func(int) (processHandle, error) { return h, nil }}}
	path := pidFileWith(t, "")
	sys.looked = func() {
		if err := os.WriteFile(path, []byte("5\n"), 0o644); err != nil {
			t.Error(err)
		}
	}
	stopped, err := Stop{sys: sys}.Stop(t.Context(), path)
	if err != nil || stopped.Pid != 5 || len(h.signals) != 1 {
		t.Errorf("stopped %v, %v, signals %v", stopped, err, h.signals)
	}
}

// A silent system does not say who has a lock, like the BSDs. It calls looked after some time.
type silent struct {
	told
	looks  int
	looked func()
}

func (s *silent) claimant(int) (int, error) {
	if s.looks++; s.looks == 3 {
		s.looked()
	}
	return 0, errors.ErrUnsupported
}

// A process that sits in the kernel survives KILL. Stop does not wait for ever.
func TestStopUnkillable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &idle{}
		sys := &told{holders: []int{5}, handle: func(int) (processHandle, error) { return h, nil }}
		_, err := Stop{sys: sys, Timeout: time.Minute}.Stop(t.Context(), pidFileWith(t, "5\n"))
		if want := fmt.Sprintf("wait for pid 5: still there %v after KILL", killPatience); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if len(h.signals) != 2 || h.signals[1] != syscall.SIGKILL {
			t.Errorf("signals %v", h.signals)
		}
	})
}

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

func (byPid) process(pid int) (processHandle, error) { return newPidHandle(pid) }

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

// Many starts race with one another and with stops. At no moment are there two daemons, and at the end
// there are none, or one.
func TestStartStopRace(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "be alone", Words: t.TempDir(), Leash: leash.address(), Daemon: inDirectory(t)}
	ctx, cancel := context.WithCancel(t.Context())
	stopsC := make(chan int)
	go func() {
		stops := 0
		for ctx.Err() == nil {
			_, err := Stop{}.Stop(ctx, p.Daemon.PidFile)
			var stale *StaleError
			switch {
			case err == nil:
				stops++
			case errors.Is(err, ErrNotRunning), errors.As(err, &stale), ctx.Err() != nil:
			default:
				t.Errorf("stop: %v", err)
			}
		}
		stopsC <- stops
	}()
	starts := 0
	for range 5 {
		var wave []*launching
		for range 10 {
			wave = append(wave, launch(t, command(t, p)))
		}
		for _, l := range wave {
			r := l.wait()
			switch {
			case r.exit == 0:
				starts++
			case r.exit == exitRunning && r.Running.Ready:
			case r.exit == 1 && strings.Contains(r.Error, "signal: terminated"):
			default:
				t.Errorf("start: %v", r)
			}
		}
	}
	cancel()
	t.Logf("%d starts, %d stops", starts, <-stopsC)
	if _, err := (Stop{}).Stop(t.Context(), p.Daemon.PidFile); err != nil && !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	removed(t, p.Daemon.PidFile)
	leash.listener.Close()
	for d := range leash.joinedC {
		for said := range d.lineC {
			t.Errorf("pid %d: %v", d.Pid, said)
		}
	}
}
