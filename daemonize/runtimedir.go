package daemonize

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// makeRuntimeDirectory makes the directory, or sees to it that the one that is there
// is fit to hold a pid file: nobody but root, the caller and the daemon's user
// may be able to put something else in its place.
func makeRuntimeDirectory(sys system, path string, owner *Identity) (made bool, err error) {
	if path == "" {
		return false, nil
	}
	mode := uint32(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755
	}
	err = sys.mkdir(path, mode)
	if errors.Is(err, syscall.EEXIST) {
		err = checkRuntimeDirectory(sys, path, owner, toMoveInto)
		if !isForeign(err) {
			return false, err
		}
		if err := removeFormer(sys, path, err, false); err != nil {
			return false, err
		}
		err = sys.mkdir(path, mode)
	}
	if err != nil {
		return false, fmt.Errorf("make runtime directory %s: %w", path, err)
	}
	if err := adoptRuntimeDirectory(sys, path, mode, owner); err != nil {
		sys.rmdir(path)
		return false, err
	}
	return true, nil
}

// lockRuntimeDirectory takes a shared lock on the directory, by which systemd-tmpfiles(8) knows
// that what is in there is in use, however old it is: see tmpfiles.d(5). Nothing else depends on
// it, so that a lock that cannot be had is done without. It returns what holds the lock, or nil.
func lockRuntimeDirectory(sys system, path string) *os.File {
	fd, err := sys.open(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	if err := sys.flock(fd, syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		sys.close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), path)
}

// adoptRuntimeDirectory gives the new directory the mode that the umask may have kept from it, and
// to its owner. It goes by the path: to open a directory takes a right that the umask may have
// taken away, and who could put another one in its place is trusted with the pid file anyway.
func adoptRuntimeDirectory(sys system, path string, mode uint32, owner *Identity) error {
	if err := sys.chmod(path, mode); err != nil {
		return fmt.Errorf("set mode of runtime directory %s: %w", path, err)
	}
	if owner == nil {
		return nil
	}
	if err := sys.chown(path, owner.UID, owner.GID); err != nil {
		return fmt.Errorf("give runtime directory %s to %s: %w", path, owner.User, err)
	}
	return nil
}

func isForeign(err error) bool {
	var foreign *ForeignError
	return errors.As(err, &foreign)
}
