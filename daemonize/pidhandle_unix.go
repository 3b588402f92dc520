//go:build unix

package daemonize

import (
	"fmt"
	"syscall"
	"time"
)

// A pidHandle is a process known by its pid and, where the system tells it, the time at which
// it started. It notices that the pid has passed to another process, but for the moment between
// a look and a signal.
type pidHandle struct {
	pid     int
	started string // empty where the system does not tell
}

// hasEnded is what processStart says of a process that has ended and was not waited for.
const hasEnded = "ended"

// pidHandlePoll is how often a wait looks.
const pidHandlePoll = 10 * time.Millisecond

func newPidHandle(pid int) (pidHandle, error) {
	h := pidHandle{pid, processStart(pid)}
	ended, err := h.ended()
	if err == nil && ended {
		err = syscall.ESRCH
	}
	return h, err
}

func (h pidHandle) signal(sig syscall.Signal) error {
	ended, err := h.ended()
	switch {
	case err != nil:
		return fmt.Errorf("look at it: %w", err)
	case ended:
		return syscall.ESRCH
	}
	return syscall.Kill(h.pid, sig)
}

func (h pidHandle) wait(milliseconds int) (bool, error) {
	deadline := time.Now().Add(time.Duration(milliseconds) * time.Millisecond)
	for {
		ended, err := h.ended()
		left := time.Until(deadline)
		if ended || err != nil || left <= 0 {
			return ended, err
		}
		time.Sleep(min(left, pidHandlePoll))
	}
}

// ended takes EPERM for what it says: the process is there and another user's.
func (h pidHandle) ended() (bool, error) {
	switch err := syscall.Kill(h.pid, 0); err {
	case nil, syscall.EPERM:
		return h.started == hasEnded || h.started != processStart(h.pid), nil
	case syscall.ESRCH:
		return true, nil
	default:
		return false, err
	}
}

func (pidHandle) close() {}
