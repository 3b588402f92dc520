package daemonize

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pidFileMode lets everybody see what runs; start-stop-daemon(8) refuses files that
// everybody may write.
const pidFileMode = 0o644

// A PidFile is a locked pid file of the calling process. The lock is that of
// flopen(3): on the file that has the path now, and held until the process ends,
// however it ends.
//
// Programs that use [Daemon] have one through Daemon.PidFile.
type PidFile struct {
	sys   system
	path  string // empty when out of reach, after chroot(2)
	fd    int
	info  fileInfo
	stale string
}

// LockPidFile creates or takes over the pid file at path and locks it. It follows no
// symbolic link. A file that nobody has locked is stale, and its content is removed, unless that
// cannot have been a pid: then the path is taken for a mistake and the file left alone.
//
// The error is a [*RunningError] when a daemon holds the file, and a [*ForeignError] when it is
// no pid file, or some other program has locked it. A process that has the file already must not
// lock it again; see [Find].
func LockPidFile(path string) (*PidFile, error) {
	return lockPidFile(kernel{}, path)
}

func lockPidFile(sys system, path string) (*PidFile, error) {
	for try := 1; ; try++ {
		p, err := tryLockPidFile(sys, path)
		if p != nil || err != nil {
			return p, err
		}
		// Somebody had it. If that was only a look at the lock, or the end of a daemon, it is
		// free now.
		if err := awaitRelease(sys, path); err != nil {
			return nil, err
		}
		if try == unclaimedTries {
			return nil, foreignPidFile(path, lockedByOther)
		}
		time.Sleep(unclaimedPoll)
	}
}

// tryLockPidFile returns nil and no error when somebody else has the lock, or the file was
// replaced in the meantime.
func tryLockPidFile(sys system, path string) (*PidFile, error) {
	fd, created, err := openOrCreate(sys, path)
	if err != nil {
		return nil, err
	}
	p := &PidFile{sys: sys, path: path, fd: fd}
	ours, err := p.lock()
	if ours {
		err = p.takeOver(created)
		if err == nil {
			return p, nil
		}
		if created {
			p.unlinkOwn() // only with the lock: without, it may be another's already
		}
	}
	sys.close(fd)
	if err != nil && created && !ours {
		removeStale(sys, path)
	}
	return nil, err
}

// openOrCreate opens the file without following a link and says whether it had to be made.
func openOrCreate(sys system, path string) (fd int, created bool, err error) {
	for {
		fd, err = sys.open(path, os.O_RDWR, 0)
		if !errors.Is(err, syscall.ENOENT) {
			return fd, false, pidFileError(sys, "open", path, err)
		}
		fd, err = sys.open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, pidFileMode)
		if !errors.Is(err, syscall.EEXIST) {
			return fd, true, pidFileError(sys, "create", path, err)
		}
	}
}

func pidFileError(sys system, verb, path string, err error) error {
	if err == nil {
		return nil
	}
	if info, statErr := sys.lstat(path); statErr == nil && info.kind() != syscall.S_IFREG {
		return foreignPidFile(path, "is "+info.describe())
	}
	return fmt.Errorf("%s pid file %s: %w", verb, path, err)
}

// lock takes the lock if it is free and if the file it is on still has the path: the
// last owner may have unlinked it in between.
func (p *PidFile) lock() (bool, error) {
	info, err := p.sys.fstat(p.fd)
	if err != nil {
		return false, fmt.Errorf("stat pid file %s: %w", p.path, err)
	}
	if err := checkFile(p.path, info); err != nil {
		return false, err
	}
	p.info = info
	if err := p.sys.flock(p.fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return false, fmt.Errorf("lock pid file %s: %w", p.path, err)
	}
	there, err := p.sys.lstat(p.path)
	if errors.Is(err, syscall.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stat pid file %s: %w", p.path, err)
	}
	return there.sameFile(info), nil
}

// takeOver makes the locked file ours. It is empty before it is claimed, and until write: claimed
// and empty means starting.
func (p *PidFile) takeOver(created bool) error {
	content, err := readPid(p.sys, p.fd)
	if err != nil {
		return fmt.Errorf("read pid file %s: %w", p.path, err)
	}
	if content.foreign() {
		return foreignPidFile(p.path, "holds no pid: "+content.describe())
	}
	if created {
		if err := p.sys.fchmod(p.fd, pidFileMode); err != nil {
			return fmt.Errorf("set mode of pid file %s: %w", p.path, err)
		}
	}
	if content.text != "" {
		p.stale = content.describe()
		if err := p.sys.ftruncate(p.fd, 0); err != nil {
			return fmt.Errorf("empty pid file %s: %w", p.path, err)
		}
	}
	switch err := p.sys.claim(p.fd); {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES):
		return foreignPidFile(p.path, lockedByOther)
	case err != nil:
		return fmt.Errorf("claim pid file %s: %w", p.path, err)
	}
	return nil
}

// Stale describes what the file held when it was taken over from a daemon that had not
// removed it. It is empty if there was no such daemon.
func (p *PidFile) Stale() string { return p.stale }

// Write puts the pid of the calling process and a newline into the file.
func (p *PidFile) Write() error {
	line := pidLine(os.Getpid())
	n, err := p.sys.pwrite(p.fd, []byte(line), 0)
	if err == nil && n < len(line) {
		err = syscall.ENOSPC
	}
	if err == nil {
		err = p.sys.ftruncate(p.fd, int64(len(line)))
	}
	if err != nil {
		return fmt.Errorf("write pid file %s: %w", p.path, err)
	}
	return nil
}

// Remove unlinks the file, if it still is the one that was locked, and gives up the lock. Where
// it cannot be unlinked, because the process has given up the right to, or left the
// directory behind with chroot(2), it is emptied.
func (p *PidFile) Remove() error {
	err := p.unlinkOwn()
	if err != nil {
		err = p.sys.ftruncate(p.fd, 0)
	}
	if closeErr := p.sys.close(p.fd); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("remove pid file %s: %w", p.path, err)
	}
	return nil
}

func (p *PidFile) unlinkOwn() error {
	if p.path == "" {
		return os.ErrNotExist
	}
	there, err := p.sys.lstat(p.path)
	if errors.Is(err, syscall.ENOENT) || err == nil && !there.sameFile(p.info) {
		return nil // not ours to remove
	}
	if err != nil {
		return err
	}
	return p.sys.unlink(p.path)
}

// removeStale unlinks the pid file of a daemon that is gone. Any trouble
// leaves the file to the next start, which takes it over.
func removeStale(sys system, path string) {
	for range unclaimedTries {
		if tryRemoveStale(sys, path) {
			return
		}
		// Somebody looks at the file, or does the same as we; or the kernel has not yet
		// released the lock of a process that it already reports as ended, which has been seen
		// on Linux 6.18.
		if awaitRelease(sys, path) != nil {
			return
		}
	}
}

// tryRemoveStale returns false when somebody else had the lock.
func tryRemoveStale(sys system, path string) bool {
	fd, err := sys.open(path, os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer sys.close(fd)
	p := &PidFile{sys: sys, path: path, fd: fd}
	if locked, err := p.lock(); err != nil || !locked {
		return err != nil
	}
	if content, err := readPid(sys, fd); err == nil && !content.foreign() {
		p.unlinkOwn()
	}
	return true
}
