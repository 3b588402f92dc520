package daemonize

import (
	"errors"
	"fmt"
	"syscall"
)

// A fileState is what the locks of a pid file say at one moment. A daemon has two: that of
// flock(2), which excludes others, and that of fcntl(2), which names its owner.
type fileState int

const (
	fileFree          fileState = iota
	fileHeld                    // by the process with the number pid, if that can be proved
	fileHeldUnnamed             // by a daemon, where the kernel does not name it
	fileHeldOutside             // by a process of another pid namespace
	fileLockedByOther           // one lock without the other: a daemon on the way there or back, or no daemon
)

// An inspection is one look at an open pid file.
type inspection struct {
	state   fileState
	pid     int // of fileHeld
	content pidContent
}

// inspect looks at the content after the owner of the lock: up to then it is the last owner's. It
// may be a number of another pid namespace, and anything that the user of the daemon has written,
// so it is believed only where the kernel names no owner.
func inspect(sys system, path string, fd int) (inspection, error) {
	claimant, err := sys.claimant(fd)
	unnamed := errors.Is(err, errors.ErrUnsupported)
	if err != nil && !unnamed {
		return inspection{}, fmt.Errorf("ask who locked pid file %s: %w", path, err)
	}
	content, err := readPid(sys, fd)
	if err != nil {
		return inspection{}, fmt.Errorf("read pid file %s: %w", path, err)
	}
	held, err := locked(sys, fd)
	if err != nil {
		return inspection{}, fmt.Errorf("test the lock of pid file %s: %w", path, err)
	}
	seen := inspection{content: content}
	switch {
	case held && claimant > 0:
		seen.state, seen.pid = fileHeld, claimant
	case held && claimant < 0:
		seen.state = fileHeldOutside
	case held && unnamed && !content.foreign():
		seen.state, seen.pid = fileHeldUnnamed, content.pid
	case held, claimant != 0:
		seen.state = fileLockedByOther
	}
	return seen, nil
}

// holder is the daemon of fileHeld and fileHeldUnnamed. It is ready once there is content: the file
// is emptied before it is claimed.
func (i inspection) holder() Holder { return Holder{Pid: i.pid, Ready: i.content.text != ""} }

// locked finds out by taking a shared lock for a moment. A daemon that starts in that
// moment tries again.
func locked(sys system, fd int) (bool, error) {
	err := sys.flock(fd, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, sys.flock(fd, syscall.LOCK_UN)
}
