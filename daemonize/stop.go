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
	Killed bool // it had to be killed, and could not clean up
}

// waitSlice is how often a wait looks at its context, in milliseconds.
const waitSlice = 100

// killPatience is how long after KILL a process may take to be gone. One that does not
// go sits in the kernel, and nothing here can help.
const killPatience = 10 * time.Second

// Stop ends the daemon that holds the pid file at path, and returns when it is gone. If the
// daemon has not removed the file, Stop does.
//
// The process is identified by its lock, not by the number in the file, and signals go to that
// process only, even if its pid is given to another one meanwhile (where the system has
// pidfd_open(2), or tells when a process has started). No signal is ever sent to pid 1. A
// daemon that is still starting is stopped, too; where the system does not tell its pid, when
// it is ready.
//
// The errors are those of [Find], of which [*UnprovenError] means that no signal was sent;
// [syscall.EPERM] when the process belongs to somebody else; the cause of ctx when that is done
// before the daemon is gone.
func (s Stop) Stop(ctx context.Context, path string) (*Stopped, error) {
	sys := s.sys
	if sys == nil {
		sys = kernel{}
	}
	held, err := awaitHolder(ctx, sys, path)
	if err != nil {
		return nil, err
	}
	defer held.close()
	pid := held.holder.Pid
	killed, err := s.end(ctx, sys, path, held)
	if err != nil {
		return nil, err
	}
	removeStale(sys, path)
	return &Stopped{Pid: pid, Killed: killed}, nil
}

// Signal sends a signal to the daemon that holds the pid file at path, which it proves as [Stop]
// does, and returns the pid. The errors are those of Stop.
func Signal(ctx context.Context, path string, sig syscall.Signal) (pid int, err error) {
	held, err := awaitHolder(ctx, kernel{}, path)
	if err != nil {
		return 0, err
	}
	defer held.close()
	pid = held.holder.Pid
	if err := held.process.signal(sig); err != nil {
		return pid, fmt.Errorf("signal pid %d: %w", pid, err)
	}
	return pid, nil
}

// end sends signals to a process until it has ended.
func (s Stop) end(ctx context.Context, sys system, path string, held *observation) (killed bool, err error) {
	process, pid := held.process, held.holder.Pid
	if err := signalProcess(process, pid, s.first()); err != nil {
		return false, err
	}
	if gone, err := awaitEnd(ctx, process, pid, s.Timeout); err != nil || gone {
		return false, err
	}
	if gone, err := checkUser(sys, path, held); err != nil || gone {
		return false, err
	}
	if err := signalProcess(process, pid, syscall.SIGKILL); err != nil {
		return false, err
	}
	gone, err := awaitEnd(ctx, process, pid, killPatience)
	if err == nil && !gone {
		err = fmt.Errorf("wait for pid %d: still there %v after KILL", pid, killPatience)
	}
	return true, err
}

// checkUser makes sure, as far as the caller may look, that the process is still of the user that
// it was of when it was found, or gone: since the first signal it had time to execute a program of
// another user.
func checkUser(sys system, path string, held *observation) (gone bool, err error) {
	if !held.named {
		return false, nil
	}
	pid := held.holder.Pid
	now, err := sys.evidence(pid, held.file)
	if ended, waitErr := held.process.wait(0); waitErr == nil && ended {
		return true, nil
	}
	switch {
	case err != nil:
		return false, fmt.Errorf("look at pid %d: %w", pid, err)
	case !now.sameUser(held.shown):
		return false, &UnprovenError{path, pid, "it has become another user's since it was signalled"}
	}
	return false, nil
}

func (s Stop) first() syscall.Signal {
	if s.Signal == 0 {
		return syscall.SIGTERM
	}
	return s.Signal
}

// awaitHolder returns the process that holds the pid file. A daemon whose number is not known yet,
// because it is starting, is waited for.
func awaitHolder(ctx context.Context, sys system, path string) (*observation, error) {
	for ctx.Err() == nil {
		seen, err := observe(sys, path)
		if err != nil {
			return nil, err
		}
		switch pid := seen.holder.Pid; {
		case pid == 1:
			return nil, errors.New("signal pid 1: never done")
		case pid == 0:
			time.Sleep(unclaimedPoll)
			continue
		case seen.proven:
			return seen, nil
		}
		err = seen.process.signal(0)
		seen.close()
		if err != nil {
			return nil, fmt.Errorf("signal pid %d: %w", seen.holder.Pid, err)
		}
		return nil, &UnprovenError{path, seen.holder.Pid, "its locks cannot be looked at"}
	}
	return nil, context.Cause(ctx)
}

// signalProcess takes a process that is gone for a success.
func signalProcess(process processHandle, pid int, sig syscall.Signal) error {
	if err := process.signal(sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal pid %d: %w", pid, err)
	}
	return nil
}

// awaitEnd reports whether the process ended in time. A timeout of zero is none.
func awaitEnd(ctx context.Context, process processHandle, pid int, timeout time.Duration) (bool, error) {
	deadline := time.Now().Add(timeout)
	for {
		slice := waitSlice
		if timeout > 0 {
			slice = min(slice, int(time.Until(deadline).Milliseconds())+1)
		}
		gone, err := process.wait(max(slice, 0))
		switch {
		case err != nil:
			return false, fmt.Errorf("wait for pid %d: %w", pid, err)
		case gone:
			return true, nil
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case timeout > 0 && time.Until(deadline) <= 0:
			return false, nil
		}
	}
}
