package daemonize

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// A Stop says how a daemon is to be ended. Its zero value sends TERM and waits
// for ever.
type Stop struct {
	// Signal is sent first; zero means SIGTERM.
	Signal syscall.Signal

	// Timeout is how long the daemon may take, before KILL is sent. Zero means
	// that it may take for ever.
	Timeout time.Duration

	sys system // nil means the kernel's
}

// Stopped is what became of the daemon.
type Stopped struct {
	Pid    int
	Killed bool // it had to be killed, and could not clean up; its pid file was removed
}

// waitSlice is how often a wait looks at its context, in milliseconds.
const waitSlice = 100

// killPatience is how long after KILL a process may take to be gone. One that does not
// go sits in the kernel, and nothing here can help.
const killPatience = 10 * time.Second

// Stop ends the daemon that holds the pid file at path, and returns when it is gone.
// The process is identified by its lock, not by the number in the file, and signals go to
// that process only, even if its pid is given to another one meanwhile (where the system has
// pidfd_open(2)). No signal is ever sent to pid 1.
//
// The errors are those of [Find], and [syscall.EPERM] when the process belongs to somebody
// else.
func (s Stop) Stop(ctx context.Context, path string) (*Stopped, error) {
	sys := s.sys
	if sys == nil {
		sys = kernel{}
	}
	pid, process, err := identify(sys, path)
	if err != nil {
		return nil, err
	}
	defer process.close()
	stopped := &Stopped{Pid: pid}
	if err := signalProcess(process, pid, s.first()); err != nil {
		return nil, err
	}
	gone, err := awaitEnd(ctx, process, s.Timeout)
	if err != nil || gone {
		return stopped, err
	}
	stopped.Killed = true
	if err := signalProcess(process, pid, syscall.SIGKILL); err != nil {
		return nil, err
	}
	if gone, err = awaitEnd(ctx, process, killPatience); err == nil && !gone {
		err = fmt.Errorf("wait for pid %d: still there %v after KILL", pid, killPatience)
	}
	removeStale(sys, path)
	return stopped, err
}

func (s Stop) first() syscall.Signal {
	if s.Signal == 0 {
		return syscall.SIGTERM
	}
	return s.Signal
}

// identify opens a handle of the process that holds the pid file. The lock is looked at again
// when the handle is there: before, the pid could have passed on to another process.
func identify(sys system, path string) (int, processHandle, error) {
	for {
		before, err := find(sys, path)
		if err != nil {
			return 0, nil, err
		}
		if before.Pid <= 1 {
			return 0, nil, fmt.Errorf("signal pid %d: never done", before.Pid)
		}
		process, err := sys.process(before.Pid)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return 0, nil, fmt.Errorf("watch pid %d: %w", before.Pid, err)
		}
		if err == nil {
			if after, err := find(sys, path); err == nil && after.Pid == before.Pid {
				return before.Pid, process, nil
			}
			process.close()
		}
	}
}

// signalProcess takes a process that is gone for a success.
func signalProcess(process processHandle, pid int, sig syscall.Signal) error {
	if err := process.signal(sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal pid %d: %w", pid, err)
	}
	return nil
}

// awaitEnd reports whether the process ended in time. A timeout of zero is none.
func awaitEnd(ctx context.Context, process processHandle, timeout time.Duration) (bool, error) {
	deadline := time.Now().Add(timeout)
	for {
		slice := waitSlice
		if timeout > 0 {
			slice = min(slice, int(time.Until(deadline).Milliseconds())+1)
		}
		gone, err := process.wait(max(slice, 0))
		switch {
		case gone || err != nil:
			return gone, err
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case timeout > 0 && time.Until(deadline) <= 0:
			return false, nil
		}
	}
}
