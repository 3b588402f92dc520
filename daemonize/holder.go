package daemonize

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A Holder is the process that holds a pid file.
type Holder struct {
	// Pid is 1 for the first process of a container. It is 0 where the system does not tell,
	// and the process has not yet written it.
	Pid int `json:"pid"`

	// Ready says that the process has written its pid. Until then it is starting.
	Ready bool `json:"ready"`
}

// ErrNotRunning says that nobody holds a pid file: there is none, or it is empty.
var ErrNotRunning = errors.New("not running")

// A StaleError says that a pid file is there but the daemon that wrote it is not.
type StaleError struct {
	Path    string
	Content string // what the file holds
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("pid file %s is stale: it holds %s, and nobody has locked it", e.Path, e.Content)
}

// A RunningError says that a daemon holds the pid file already.
type RunningError struct {
	Path string
	Holder
}

func (e *RunningError) Error() string {
	switch {
	case e.Pid == 0:
		return "already starting"
	case !e.Ready:
		return fmt.Sprintf("already starting, pid %d", e.Pid)
	}
	return fmt.Sprintf("already running, pid %d", e.Pid)
}

// A ForeignError says that what is at the path of a pid file or runtime directory is
// something else, or somebody else's.
type ForeignError struct {
	Role   string // "pid file" or "runtime directory"
	Path   string
	Reason string // "is a symbolic link"
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("use %s %s: it %s", e.Role, e.Path, e.Reason)
}

func foreignPidFile(path, reason string) *ForeignError {
	return &ForeignError{Role: "pid file", Path: path, Reason: reason}
}

// Find returns the process that holds the pid file at path. What the file says is not
// believed unless the lock is held, and on Linux the kernel is asked who holds it. No
// privileges are needed but to read the file.
//
// The error is [ErrNotRunning], a [*StaleError], a [*ForeignError], or whatever kept it from
// finding out.
//
// The holder itself must not call Find, and not open the file in any other way: to close a file
// is to lose the POSIX lock on it, see fcntl(2), and with it the claim to be the daemon.
func Find(path string) (*Holder, error) {
	return find(kernel{}, path)
}

const (
	// A lock that nobody owns up to may be that of another Find, or of a daemon
	// between its two system calls; it is looked at again for a while.
	unclaimedPoll  = 10 * time.Millisecond
	unclaimedTries = 50
)

func find(sys system, path string) (*Holder, error) {
	fd, err := sys.open(path, os.O_RDONLY, 0)
	if errors.Is(err, syscall.ENOENT) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, pidFileError(sys, "open", path, err)
	}
	defer sys.close(fd)
	info, err := sys.fstat(fd)
	if err != nil {
		return nil, fmt.Errorf("stat pid file %s: %w", path, err)
	}
	if info.kind() != syscall.S_IFREG {
		return nil, foreignPidFile(path, "is "+info.describe())
	}
	for try := 1; ; try++ {
		holder, err := look(sys, path, fd)
		var stale *StaleError
		if errors.As(err, &stale) && replaced(sys, path, info) {
			return find(sys, path)
		}
		var foreign *ForeignError
		if !errors.As(err, &foreign) || foreign.Reason != lockedByOther || try == unclaimedTries {
			return holder, err
		}
		time.Sleep(unclaimedPoll)
	}
}

// replaced tells whether the path leads elsewhere than to the file that was opened: its owner
// has removed it meanwhile, and with that the lock.
func replaced(sys system, path string, opened fileInfo) bool {
	there, err := sys.lstat(path)
	return errors.Is(err, syscall.ENOENT) || err == nil && !there.sameFile(opened)
}

const lockedByOther = "is locked by another program"

// look decides at one moment. A daemon has the lock and has claimed it; who has one without the
// other is on the way there or back, or a stranger. The content is looked at after the claim:
// it is the last owner's up to then. It may be a number of another pid namespace, and so is
// believed only where there are no claims.
func look(sys system, path string, fd int) (*Holder, error) {
	claimant, err := sys.claimant(fd)
	unsupported := errors.Is(err, errors.ErrUnsupported)
	if err != nil && !unsupported {
		return nil, fmt.Errorf("ask who locked pid file %s: %w", path, err)
	}
	content, err := readPid(sys, fd)
	if err != nil {
		return nil, fmt.Errorf("read pid file %s: %w", path, err)
	}
	held, err := locked(sys, fd)
	switch {
	case err != nil:
		return nil, fmt.Errorf("test the lock of pid file %s: %w", path, err)
	case held && claimant > 0:
		return &Holder{Pid: claimant, Ready: content.pid > 0}, nil
	case held && claimant < 0:
		return nil, foreignPidFile(path, "is locked by a process of another pid namespace")
	case held && unsupported && !content.foreign():
		return &Holder{Pid: content.pid, Ready: content.pid > 0}, nil
	case held, claimant != 0:
		return nil, foreignPidFile(path, lockedByOther)
	case content.text == "":
		return nil, ErrNotRunning
	}
	return nil, &StaleError{Path: path, Content: content.describe()}
}

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

// awaitRelease returns nil when the lock that was just found taken is free again, and otherwise
// says who has it.
func awaitRelease(sys system, path string) error {
	holder, err := find(sys, path)
	var stale *StaleError
	switch {
	case err == nil:
		return &RunningError{Path: path, Holder: *holder}
	case errors.Is(err, ErrNotRunning), errors.As(err, &stale):
		return nil
	}
	return err
}
