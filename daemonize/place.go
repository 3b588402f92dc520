package daemonize

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CheckRuntimeDirectory returns an error unless the directory at path is one in which only root,
// the caller, and the user that root gave it to can have put a pid file or a socket. A
// [*ForeignError] says why it is not; the error wraps ErrNotExist of io/fs if there is no such
// directory. It is for programs that look for a daemon in [Daemon].RuntimeDirectory: call it before
// anything in there is opened.
//
// It goes from the root directory to path, and accepts no directory, and no symbolic link on the
// way, that another user could have put there. A group that root or the caller lets write to a
// directory above is trusted. Between the check and the use only the users named above can change
// what is found.
func CheckRuntimeDirectory(path string) error {
	return checkRuntimeDirectory(kernel{}, path, nil, toLookInto)
}

// CheckPidFile returns a [*ForeignError] if the pid file at path is in a directory that everybody
// may write to, such as /tmp, and belongs to neither root nor the caller: any user can have made
// it. It is for paths that the caller has named; those in a runtime directory need more, see
// [CheckRuntimeDirectory]. That there is no such file is no error.
func CheckPidFile(path string) error { return checkPidFile(kernel{}, path) }

func checkPidFile(sys system, path string) error {
	file, err := sys.lstat(path)
	if err != nil {
		return nil // what cannot be looked at is not believed either
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode().Perm()&0o002 == 0 || file.uid == 0 || file.uid == os.Geteuid() {
		return nil
	}
	return foreignPidFile(path, fmt.Sprintf("belongs to user %d, in a directory that everybody may write to", file.uid))
}

// A purpose is what a runtime directory is checked for.
type purpose int

const (
	toLookInto purpose = iota + 1 // for a daemon of any user that root may have given it to
	toMoveInto                    // as the daemon
)

// maxLinks is how many symbolic links a path may lead through, as in the kernel.
const maxLinks = 40

// checkRuntimeDirectory checks the directory, and the way to it. Nobody but root, the caller and
// owner may be able to put something else in its place. To look into it, any owner will do if none
// but root can have made it.
func checkRuntimeDirectory(sys system, path string, owner *Identity, why purpose) error {
	info, err := sys.lstat(path)
	if err != nil {
		return fmt.Errorf("stat runtime directory %s: %w", path, err)
	}
	if info.kind() != syscall.S_IFDIR {
		return foreignDirectory(path, "is "+info.describe())
	}
	parent, err := checkWay(sys, path)
	if err != nil {
		return err
	}
	givenByRoot := why == toLookInto && os.Geteuid() == 0 && parent.mode&0o002 == 0
	switch {
	case info.uid == 0, info.uid == os.Geteuid(), owner != nil && info.uid == owner.UID, givenByRoot:
	default:
		return foreignDirectory(path, fmt.Sprintf("belongs to user %d", info.uid))
	}
	if info.mode&0o022 != 0 {
		return foreignDirectory(path, fmt.Sprintf("can be written by others (mode %04o)", info.mode&0o7777))
	}
	return nil
}

func foreignDirectory(path, reason string) *ForeignError {
	return &ForeignError{Role: "runtime directory", Path: path, Reason: reason}
}

// checkWay checks the directories and symbolic links that lead to path, and returns the last
// directory before it.
func checkWay(sys system, path string) (parent fileInfo, err error) {
	refuse := func(at, reason string) (fileInfo, error) {
		return fileInfo{}, foreignDirectory(path, fmt.Sprintf("is reached through %s, which %s", at, reason))
	}
	at := "/"
	if parent, err = sys.lstat(at); err != nil {
		return fileInfo{}, fmt.Errorf("stat %s: %w", at, err)
	}
	// In a user namespace root's files may show another number, that of the root directory too.
	root := parent.uid
	names := splitPath(filepath.Dir(path))
	for links := 0; len(names) > 0; {
		next := filepath.Join(at, names[0])
		info, err := sys.lstat(next)
		if err != nil {
			return fileInfo{}, fmt.Errorf("stat %s: %w", next, err)
		}
		if info.uid != 0 && info.uid != root && info.uid != os.Geteuid() {
			return refuse(next, fmt.Sprintf("belongs to user %d", info.uid))
		}
		switch info.kind() {
		case syscall.S_IFLNK:
			target, err := os.Readlink(next)
			if links++; err == nil && links > maxLinks {
				err = syscall.ELOOP
			}
			if err != nil {
				return fileInfo{}, fmt.Errorf("read link %s: %w", next, err)
			}
			names = append(splitPath(target), names[1:]...)
			if filepath.IsAbs(target) {
				at = "/"
			}
			continue
		case syscall.S_IFDIR:
		default:
			return refuse(next, "is "+info.describe())
		}
		if info.mode&0o002 != 0 && info.mode&syscall.S_ISVTX == 0 {
			return refuse(next, fmt.Sprintf("everybody may write to (mode %04o)", info.mode&0o7777))
		}
		at, names, parent = next, names[1:], info
	}
	return parent, nil
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
