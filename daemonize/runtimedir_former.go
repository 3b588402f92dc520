package daemonize

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A runtime directory that root has given to one user is of no use to a daemon that becomes another
// one. Root removes it, and makes one anew, if nothing is in there but what daemons leave.

// askTime is how long a Unix socket may take to say whether a process listens. The kernel answers
// at once.
const askTime = time.Second

// removeFormer removes the directory of an earlier daemon, which wrong says is unfit because of its
// owner; with rehearse, it only finds out whether it would. The error is wrong, with the cure, if
// something is in there that may be needed, and as it is if the directory is none of root's to
// remove.
//
// The earlier daemon's user may change what is in the directory meanwhile. Nothing but names in
// there is removed, and nothing is followed.
func removeFormer(sys system, path string, wrong error, rehearse bool) error {
	if os.Geteuid() != 0 || checkRuntimeDirectory(sys, path, nil, toLookInto) != nil {
		return wrong
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read runtime directory %s: %w", path, err)
	}
	for _, entry := range entries {
		file := filepath.Join(path, entry.Name())
		if !leftByDaemon(sys, file) {
			return withCure(path, wrong, entry.Name())
		}
		if rehearse {
			continue
		}
		if err := sys.unlink(file); err != nil && !errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("remove %s: %w", file, err)
		}
	}
	if rehearse {
		return nil
	}
	switch err := sys.rmdir(path); {
	case errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST):
		return wrong
	case err != nil && !errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("remove runtime directory %s: %w", path, err)
	}
	return nil
}

// leftByDaemon reports whether a file is a pid file that is not locked, or a socket at which no
// process listens.
func leftByDaemon(sys system, path string) bool {
	info, err := sys.lstat(path)
	switch {
	case err != nil:
		return errors.Is(err, syscall.ENOENT)
	case info.kind() == syscall.S_IFSOCK:
		conn, err := net.DialTimeout("unix", path, askTime)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	case info.kind() != syscall.S_IFREG:
		return false
	}
	_, err = find(sys, path)
	var stale *StaleError
	return errors.Is(err, ErrNotRunning) || errors.As(err, &stale) && holdsPid(sys, path)
}

// holdsPid reports whether the content of a file can have been a pid.
func holdsPid(sys system, path string) bool {
	fd, err := sys.open(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer sys.close(fd)
	content, err := readPid(sys, fd)
	return err == nil && !content.foreign()
}

func withCure(path string, wrong error, name string) error {
	var foreign *ForeignError
	if !errors.As(wrong, &foreign) {
		return wrong
	}
	return foreignDirectory(path, fmt.Sprintf("%s and holds %s: if that is not needed, rm -r %s", foreign.Reason, name, path))
}
