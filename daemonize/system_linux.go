package daemonize

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// closeOnExec has another way before Linux 5.11, and where a filter of system calls does not
// know this one.
func (kernel) closeOnExec(first int) error {
	if unix.CloseRange(uint(first), math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	return markOpenDescriptors("/proc/self/fd", first)
}

func (kernel) closeInherited() error { return closeInherited("/proc/self/fd") }

func (kernel) emptySignalMask() (restore func(), err error) {
	runtime.LockOSThread()
	var empty, old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &empty, &old); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return func() {
		// It cannot fail: the arguments are those that worked before.
		unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
		runtime.UnlockOSThread()
	}, nil
}

func (kernel) dup2(from, to int) error { return unix.Dup3(from, to, 0) }

// claim takes a POSIX record lock, which, unlike that of flock(2), tells others the pid
// of its owner. The process loses it when it closes any descriptor of the file.
func (kernel) claim(fd int) error {
	return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
}

// claimant returns the owner of the record lock: 0 when there is none, -1 when it is in a pid
// namespace that cannot be seen from here. Only locks to write count, for which one must be
// allowed to write the file: with a lock to read, anybody could pass for the daemon. Locks of
// an open file have no owner, and are no daemon's.
func (kernel) claimant(fd int) (int, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &lock); err != nil {
		return 0, err
	}
	switch {
	case lock.Type != unix.F_WRLCK, lock.Pid < 0:
		return 0, nil
	case lock.Pid == 0:
		return -1, nil
	}
	return int(lock.Pid), nil
}

// awaitZombie returns when a child has ended, and leaves it to be waited for.
func (kernel) awaitZombie(child int) error {
	return ignoringEINTR(func() error {
		return unix.Waitid(unix.P_PID, child, nil, unix.WEXITED|unix.WNOWAIT, nil)
	})
}

// process opens a pidfd, so that signals and waiting are safe against a recycled pid. Before
// Linux 5.3, and where a filter of system calls does not know it, the start time of the process
// takes its place.
func (kernel) process(pid int) (processHandle, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return newPidHandle(pid)
	}
	if err != nil {
		return nil, err
	}
	return pidfdHandle(fd), nil
}

type pidfdHandle int

func (h pidfdHandle) signal(sig syscall.Signal) error {
	return unix.PidfdSendSignal(int(h), sig, nil, 0)
}

func (h pidfdHandle) wait(milliseconds int) (bool, error) {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(h), Events: unix.POLLIN}}, milliseconds)
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return n > 0, err
}

func (h pidfdHandle) close() { unix.Close(int(h)) }

// processStart returns the start time of a process; hasEnded if it is a zombie; nothing when
// there is no such process or no /proc.
func processStart(pid int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	return startTime(string(stat))
}

// startTime takes field 22 out of /proc/PID/stat. Where the state is that of a zombie, but
// there are more threads than the first, those still hold the locks of the process.
func startTime(stat string) string {
	// The second field, a name in parentheses, may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	state, threads, started := fields[0], fields[17], fields[19]
	if (state == "Z" || state == "X") && (threads == "0" || threads == "1") {
		return hasEnded
	}
	return started
}
