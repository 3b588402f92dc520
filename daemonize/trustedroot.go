package daemonize

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// checkRoot makes sure that only root, or the caller, can change what will be the root directory,
// and what its path leads through: otherwise another user could put its own /etc there, or another
// directory in its place between this look and chroot(2).
func checkRoot(sys system, path string) error {
	top, err := sys.lstat("/")
	if err != nil {
		return fmt.Errorf("stat /: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	// A link in the path is as good as the directories that lead to it.
	for _, way := range []string{filepath.Dir(filepath.Clean(path)), resolved} {
		if err := checkAncestors(sys, top, way); err != nil {
			return err
		}
	}
	info, err := sys.lstat(resolved)
	if err != nil {
		return fmt.Errorf("stat %s: %w", resolved, err)
	}
	if info.mode&0o022 != 0 {
		return fmt.Errorf("%s may be written by others than root (chmod go-w)", resolved)
	}
	return nil
}

// checkAncestors looks at path and all directories above it. Where root has not the number 0, as in
// a user namespace without it, it is the owner of the top.
func checkAncestors(sys system, top fileInfo, path string) error {
	for ; ; path = filepath.Dir(path) {
		info, err := sys.lstat(path)
		if err != nil {
			return fmt.Errorf("stat %s: %w", path, err)
		}
		shared := info.mode&0o022 != 0 && info.mode&syscall.S_ISVTX == 0
		if info.kind() == syscall.S_IFLNK {
			shared = false // a link has no mode of its own
		}
		switch {
		case info.uid != 0 && info.uid != top.uid && info.uid != os.Geteuid():
			return fmt.Errorf("%s belongs to user %d, not to root (chown root)", path, info.uid)
		case shared:
			return fmt.Errorf("%s may be written by others than root (chmod go-w)", path)
		}
		if path == "/" || !strings.HasPrefix(path, "/") {
			return nil
		}
	}
}
