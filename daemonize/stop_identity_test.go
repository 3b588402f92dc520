package daemonize

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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

// evidence shows that the next of holders has the lock, and no other.
func (s *told) evidence(pid int, _ fileInfo) (evidence, error) {
	return evidence{locks: pid == s.holders[0]}, nil
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
	ended   bool // after the first signal
	closed  bool
}

func (h *idle) signal(s syscall.Signal) error {
	h.signals = append(h.signals, s)
	return nil
}

func (h *idle) wait(milliseconds int) (bool, error) {
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return h.ended && len(h.signals) > 0, nil
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

// The process that took the lock for another one is gone.
func TestStopStranger(t *testing.T) {
	t.Parallel()
	sys := &told{holders: []int{5}, handle: func(int) (processHandle, error) { return nil, syscall.ESRCH }}
	path := pidFileWith(t, "5\n")
	_, err := Stop{sys: sys}.Stop(t.Context(), path)
	if want := "tell the holder of pid file " + path + ": pid 5 is named, but there is no such process"; err == nil || err.Error() != want {
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
