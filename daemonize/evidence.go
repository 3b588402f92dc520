package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// An UnprovenError says that the process which the lock of a pid file names may be another one. The
// kernel remembers the number of the process that took the lock, and a user that can write the file
// can make that any number: the child of clone(2) with CLONE_FILES takes the lock for its parent,
// ends, and its number passes on. No signal is sent to such a process.
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

// prove makes sure that process pid, which the kernel names, holds the pid file. It reports false
// and no error where the caller may not look closely enough to tell; root then gets an error.
//
// What remains: after this look, and before a signal, the process may execute a set-user-ID
// program. That gets the signal then; it was started by the user of the daemon.
func prove(sys system, path string, process processHandle, pid int, file fileInfo, found evidence) (bool, error) {
	unproven := func(reason string) (bool, error) { return false, &UnprovenError{path, pid, reason} }
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
	case found.atExec != 0 && found.atExec != uid:
		// So it is of such a program, though one that has become its owner's entirely.
		return unproven(fmt.Sprintf("it was started by user %d", found.atExec))
	}
	return true, nil
}

// proveByOwner is for a caller that is not shown the locks, as root in a container without
// CAP_SYS_PTRACE. The owner of the file, or of its directory, can have any process named by the
// lock, and is believed for its own processes, which it may end anyway; not so where others may
// write.
func proveByOwner(sys system, path string, pid, uid int, file fileInfo) (bool, error) {
	name := filepath.Dir(path) + "/." // not a link to it
	dir, err := sys.lstat(name)
	if err != nil {
		return false, fmt.Errorf("stat %s: %w", name, err)
	}
	if uid != 0 && (file.onlyOf(uid) || dir.onlyOf(uid)) {
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

// onlyOf reports whether no user but this one, and root, may change a file.
func (a fileInfo) onlyOf(uid int) bool { return a.uid == uid && a.mode&0o022 == 0 }

// sameUser reports whether a process is still of the user that it was of. It need not have the lock
// any more, and may have executed another program, but none that made it another user's.
func (e evidence) sameUser(before evidence) bool {
	return e.uids == before.uids && (e.hidden || e.atExec == before.atExec || e.atExec == e.uids[0])
}
