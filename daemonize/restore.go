package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Restore makes the pid file again if it was removed, and the runtime directory with it: by
// programs that clean up, by a service manager that takes the directory for its own, or by hand. It
// reports whether it did. What another process has made at the path is left alone, whatever it is.
// Call it now and then once the daemon is ready; a process that looks in between finds no pid file.
//
// An error is not fatal: a daemon that gave up root may not be allowed to. With Daemon.Chroot, a
// directory is not made again.
func (p *Process) Restore() (bool, error) {
	if p.pidFile == nil || !p.pidFile.removed() {
		return false, nil
	}
	if dir := p.daemon.RuntimeDirectory; dir != "" && p.daemon.Chroot == "" {
		made, err := makeRuntimeDirectory(p.daemon.system(), dir, nil)
		if err != nil {
			return false, err
		}
		if made {
			p.dirLock.Close() // of the one that was removed
			p.dirLock = lockRuntimeDirectory(p.daemon.system(), dir)
		}
	}
	return p.pidFile.restore()
}

func (p *PidFile) removed() bool {
	if p.path == "" {
		return false
	}
	_, err := p.sys.lstat(p.path)
	return errors.Is(err, syscall.ENOENT)
}

// restore makes a new file, locks it as the one before, and gives that up. Two daemons never have
// the path: each locks the file that is there, and the one that comes second finds it locked. Until
// it is locked, the new file looks as that of a daemon that has ended.
func (p *PidFile) restore() (bool, error) {
	if dir, err := os.Stat(filepath.Dir(p.path)); err == nil && dir.Mode().Perm()&0o002 != 0 && p.info.uid != os.Geteuid() {
		// A file of the user that this process has become could be anybody's there; see
		// CheckPidFile.
		return false, fmt.Errorf("make pid file %s again: everybody may write to the directory", p.path)
	}
	fd, err := p.sys.open(p.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, pidFileMode)
	if errors.Is(err, syscall.EEXIST) {
		return false, nil
	}
	if err != nil {
		return false, pidFileError(p.sys, "create", p.path, err)
	}
	next := &PidFile{sys: p.sys, path: p.path, fd: fd, stale: p.stale}
	ours, err := next.lock()
	if ours {
		err = next.takeOver(true)
		if err == nil {
			err = next.Write()
		}
		if err != nil {
			next.unlinkOwn()
		}
	}
	if err != nil || !ours {
		p.sys.close(fd)
		return false, err
	}
	p.sys.close(p.fd)
	*p = *next
	return true, nil
}
