//go:build unix

package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may lead through, as in the kernel.
const maxLinks = 40

// trust says what other users than root and the caller may do to the entries of a directory.
type trust int

const (
	private trust = iota // nothing
	sticky               // make new ones, as in /tmp, but not replace those of root or the caller
	open                 // replace all of them
)

// A walk goes along a path, a directory at a time. The kernel would follow a link for root that any
// user has made; a walk follows none where others than root and the caller may put one. It holds
// the directory that it has come to open, so that nothing can be put in its place.
type walk struct {
	dir   int      // a descriptor
	at    string   // the path of dir
	rest  []string // what is still to be walked
	links int      // that were followed

	linked  bool // the last element was a link
	trust   trust
	exposed string // the first directory whose entries others may have replaced on the way here, or empty
}

// walkTo walks along an absolute path. The file that it leads to may be missing, but not if a link
// leads to it.
func walkTo(path string) (*place, error) {
	w := &walk{dir: -1, rest: elements(path)}
	err := w.enter(unix.AT_FDCWD, "/", nil)
	for err == nil {
		name := "."
		if len(w.rest) > 0 {
			name, w.rest = w.rest[0], w.rest[1:]
		}
		last := len(w.rest) == 0
		var st *unix.Stat_t
		st, err = statAt(w.dir, name, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case errors.Is(err, fs.ErrNotExist) && last && !w.linked:
			return w.place(name, nil), nil
		case err != nil:
		case st.Mode&unix.S_IFMT == unix.S_IFLNK:
			err = w.follow(name, st)
		case last:
			return w.place(name, st), nil
		default:
			err = w.enter(w.dir, name, st)
		}
	}
	w.close()
	return nil, w.explain(path, err)
}

// elements splits a path, without what means nothing.
func elements(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

// enter goes into a directory; st is what is known of it, nil of the root directory.
func (w *walk) enter(dir int, name string, st *unix.Stat_t) error {
	fd, err := openAt(dir, name, searchOnly|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if st != nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && (errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)) {
		return errReplaced
	}
	if err != nil {
		return err
	}
	var own unix.Stat_t
	if err := unix.Fstat(fd, &own); err != nil {
		unix.Close(fd)
		return err
	}
	if st != nil && name != ".." && (w.trust == open || w.trust == sticky && !trusted(st.Uid)) {
		w.expose()
	}
	w.close()
	w.dir, w.at, w.trust = fd, filepath.Join(w.at, name), private
	switch {
	case !trusted(own.Uid):
		w.trust = open
	case own.Mode&0o022 != 0:
		w.trust = open
		if own.Mode&unix.S_ISVTX != 0 {
			w.trust = sticky
		}
	}
	return nil
}

func (w *walk) close() {
	if w.dir >= 0 {
		unix.Close(w.dir)
		w.dir = -1
	}
}

// expose notes that others may replace what the walk goes through from here on.
func (w *walk) expose() {
	if w.exposed == "" {
		w.exposed = w.at
	}
}

// trusted reports whether a user is root or the caller.
func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// follow goes on where a symbolic link leads. One that has other names may have got this one from
// another user, where the kernel does not keep users from it (sysctl fs.protected_hardlinks of
// Linux does not, for links).
func (w *walk) follow(name string, st *unix.Stat_t) error {
	ours := w.trust == private || w.trust == sticky && trusted(st.Uid) && st.Nlink == 1
	if w.exposed != "" || !ours {
		return fmt.Errorf("symbolic link %s in a directory that others may write: %w (give the path that it leads to)", filepath.Join(w.at, name), ErrUntrusted)
	}
	if w.links++; w.links > maxLinks {
		return syscall.ELOOP
	}
	if len(w.rest) == 0 {
		w.linked = true
		// A link of proc(5) may lead to what has no path.
		if end, err := statAt(w.dir, name, 0); err == nil {
			if err := checkKind(end); err != nil {
				return err
			}
		}
	}
	target := make([]byte, 4096)
	n, err := unix.Readlinkat(w.dir, name, target)
	if err != nil {
		return err
	}
	w.rest = append(elements(string(target[:n])), w.rest...)
	if target[0] != '/' {
		return nil
	}
	w.at = ""
	return w.enter(unix.AT_FDCWD, "/", nil)
}

// place ends the walk. Whatever others could put there is looked at more closely.
func (w *walk) place(name string, st *unix.Stat_t) *place {
	if w.trust != private {
		w.expose()
	}
	return &place{dir: w.dir, name: name, path: filepath.Join(w.at, name), exposed: w.exposed != "", info: st}
}

// explain finds the cause of an error that the kernel reports in a few words too few.
func (w *walk) explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && w.linked:
		return fmt.Errorf("symbolic link to a missing file: %w", fs.ErrNotExist)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("directory %s: %w", filepath.Dir(path), err)
	}
	return err
}
