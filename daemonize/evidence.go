package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// An UnprovenError says that the process which the lock of a pid file names may be another one. The kernel
// remembers the number of the process that took the lock, and a user that can write the file can
// make that any number: the child of clone(2) with CLONE_FILES takes the lock for its parent, ends, and its
// number passes on. No signal is sent to such a process.
type UnprovenError struct {
	Path   string
	Pid    int
	Reason string // "it does not have the lock"
}

func (e *UnprovenError) Error() string {
	return fmt.Sprintf("tell the holder of pid file %s: pid %d is named, but %s", e.Path, e.Pid, e.Reason)
}

// evidence is what a process itself shows, other than its number, which proves nothing.
type evidence struct {
	uids   [4]int // real, effective, saved, and that of the file system
	locks  bool   // it has the file open, with both locks of a daemon
	atExec int    // its real user when it executed its program

	hidden bool // the caller may not look at locks and atExec
}

// prove makes sure that process pid, which the kernel names, holds the pid file. It reports false and no
// error where the caller may not look closely enough to tell; root then gets an error.
func prove(sys system, path string, process processHandle, pid int, file fileInfo) (bool, error) {
	unproven := func(reason string) (bool, error) { return false, &UnprovenError{path, pid, reason} }
	found, err := sys.evidence(pid, file)
	if err != nil {
		return false, fmt.Errorf("look at the locks of pid %d: %w", pid, err)
	}
	// As the handle was there before, what was seen is of its process, unless that is gone by now.
	gone, err := process.wait(0)
	switch {
	case err != nil:
		return false, fmt.Errorf("wait for pid %d: %w", pid, err)
	case gone:
		return unproven("it has ended")
	}
	for _, uid := range found.uids {
		if uid != found.uids[0] {
			// A program with the set-user-ID bit that another user has executed keeps its locks.
			return unproven("it has the rights of several users")
		}
	}
	uid := found.uids[0]
	switch {
	case found.hidden:
		return proveByOwner(sys, path, pid, uid, file)
	case !found.locks:
		return unproven("it does not have the lock")
	case uid == 0 && found.atExec != 0:
		return unproven(fmt.Sprintf("it was started by user %d", found.atExec))
	}
	return true, nil
}

// proveByOwner is for a caller that is not shown the locks, as root in a container without CAP_SYS_PTRACE.
// The owner of the file, or of its directory, can have any process named by the lock, and is believed
// for its own processes, which it may end anyway.
func proveByOwner(sys system, path string, pid, uid int, file fileInfo) (bool, error) {
	dir, err := sys.lstat(filepath.Dir(path))
	if err != nil {
		return false, fmt.Errorf("stat %s: %w", filepath.Dir(path), err)
	}
	if uid != 0 && (uid == file.uid || uid == dir.uid) {
		return true, nil
	}
	if os.Geteuid() == 0 {
		reason := "its locks cannot be looked at (without CAP_SYS_PTRACE?)"
		if _, err := os.Lstat("/proc/self"); errors.Is(err, os.ErrNotExist) {
			reason = "its locks cannot be looked at without /proc"
		}
		return false, &UnprovenError{path, pid, reason}
	}
	return false, nil
}
