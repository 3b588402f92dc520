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
// On Linux the process must show that it has the locks, with one user's rights, so that a pid file
// that another user can write leads to no process that this user could not signal. Where the caller
// may not look at the process, the named one is returned; root gets an error.
//
// The error is [ErrNotRunning], a [*StaleError], a [*ForeignError], an [*UnprovenError], or
// whatever kept it from finding out.
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
	seen, err := observe(sys, path)
	if err != nil {
		return nil, err
	}
	seen.close()
	return &seen.holder, nil
}

// An observation is of a pid file that a daemon holds.
type observation struct {
	holder  Holder
	process processHandle // of the holder; nil where its number is not known, and for pid 1
	proven  bool          // or the caller may not look closely enough, and may hardly send a signal

	named bool // by the kernel; then file and shown are what was looked at
	file  fileInfo
	shown evidence
}

func (o *observation) close() {
	if o.process != nil {
		o.process.close()
	}
}

// observe opens the file and looks at it until the answer stands: while a daemon starts or ends, or
// another process looks at the lock, there is none.
func observe(sys system, path string) (*observation, error) {
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
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		seen, err := inspect(sys, path, fd)
		if err != nil {
			return nil, err
		}
		switch seen.state {
		case fileFree:
			if replaced(sys, path, info) {
				return observe(sys, path)
			}
			if seen.content.text == "" {
				return nil, ErrNotRunning
			}
			return nil, &StaleError{Path: path, Content: seen.content.describe()}
		case fileHeldOutside:
			return nil, foreignPidFile(path, "is locked by a process of another pid namespace")
		case fileHeld, fileHeldUnnamed:
			var held *observation
			if held, err = identify(sys, path, fd, info, seen); err == nil {
				return held, nil
			}
		case fileLockedByOther:
			err = foreignPidFile(path, lockedByOther)
		}
		if try == unclaimedTries {
			return nil, err
		}
		time.Sleep(unclaimedPoll)
	}
}

// checkFile refuses what is no pid file: another kind of file, or one that has another name, which
// may be anywhere.
func checkFile(path string, info fileInfo) error {
	switch {
	case info.kind() != syscall.S_IFREG:
		return foreignPidFile(path, "is "+info.describe())
	case info.links > 1:
		return foreignPidFile(path, "has another name (a hard link)")
	}
	return nil
}

// identify takes a handle of the process that an inspection names, and then makes sure that it is
// the one that holds the file: before, the number could have passed to another process.
func identify(sys system, path string, fd int, info fileInfo, seen inspection) (*observation, error) {
	o := &observation{holder: seen.holder(), proven: true}
	pid := seen.pid
	if pid <= 1 {
		return o, nil // pid 1 is always the same process, and never signalled
	}
	var err error
	if o.process, err = sys.process(pid); errors.Is(err, syscall.ESRCH) {
		return nil, &UnprovenError{path, pid, "there is no such process"}
	}
	if err != nil {
		return nil, fmt.Errorf("watch pid %d: %w", pid, err)
	}
	if seen.state == fileHeldUnnamed {
		var again inspection
		if again, err = inspect(sys, path, fd); err == nil && again != seen {
			err = foreignPidFile(path, lockedByOther)
		}
	} else {
		o.named, o.file = true, info
		if o.shown, err = sys.evidence(pid, info); err != nil {
			err = fmt.Errorf("look at the locks of pid %d: %w", pid, err)
		} else {
			o.proven, err = prove(sys, path, o.process, pid, info, o.shown)
		}
	}
	if err != nil {
		o.process.close()
		return nil, err
	}
	return o, nil
}

// replaced tells whether the path leads elsewhere than to the file that was opened: its owner
// has removed it meanwhile, and with that the lock.
func replaced(sys system, path string, opened fileInfo) bool {
	there, err := sys.lstat(path)
	return errors.Is(err, syscall.ENOENT) || err == nil && !there.sameFile(opened)
}

const lockedByOther = "is locked by another program"

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
