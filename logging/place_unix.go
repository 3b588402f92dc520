//go:build unix

package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A place is where a file is, or may be made: a name in a directory that is held open.
type place struct {
	dir     int // a descriptor
	name    string
	path    string
	exposed bool         // others than root and the caller may have put the file there
	info    *unix.Stat_t // nil if the file is missing
}

func (p *place) close() { unix.Close(p.dir) }

// openFlags are those of an existing file.
const openFlags = unix.O_WRONLY | unix.O_APPEND | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_NOFOLLOW

// open opens the file, or makes it. What is not fit to be a log file is left alone: opening some
// devices has effects, a FIFO blocks, and a terminal may become the controlling terminal of the
// process, so the file is looked at first. It may be replaced until it is opened; hence O_NONBLOCK,
// O_NOCTTY and a second look.
func (p *place) open(owner int) (*openedFile, error) {
	if p.info == nil {
		return p.create()
	}
	if err := p.check(p.info, owner); err != nil {
		return nil, err
	}
	fd, err := openAt(p.dir, p.name, openFlags, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) {
		return nil, errReplaced
	}
	if err != nil {
		return nil, err
	}
	if err := p.settle(fd, owner); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &openedFile{os.NewFile(uintptr(fd), p.path), false}, nil
}

// create makes the file and sets its mode past the umask. O_EXCL makes sure that this mode, and
// later an owner, is only ever given to a new file.
func (p *place) create() (*openedFile, error) {
	fd, err := openAt(p.dir, p.name, openFlags|unix.O_CREAT|unix.O_EXCL, uint32(fileMode))
	if errors.Is(err, fs.ErrExist) {
		return nil, errReplaced
	}
	if err != nil {
		return nil, err
	}
	if err = unix.Fchmod(fd, uint32(fileMode)); err != nil {
		err = fmt.Errorf("chmod %#o: %w", fileMode, err)
	} else {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		unix.Unlinkat(p.dir, p.name, 0)
		return nil, err
	}
	return &openedFile{os.NewFile(uintptr(fd), p.path), true}, nil
}

// settle makes sure of what was opened and makes it blocking: the writer is meant to wait for a
// slow disk.
func (p *place) settle(fd, owner int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := p.check(&st, owner); err != nil {
		return err
	}
	return unix.SetNonblock(fd, false)
}

// check refuses what cannot be a log file, and, where others may have put it there, what they may
// have chosen among the files that are not theirs to write: any user's, or any that has another
// name elsewhere.
func (p *place) check(st *unix.Stat_t, owner int) error {
	if err := checkKind(st); err != nil || !p.exposed || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return err
	}
	const where = "in a directory that others may write"
	switch {
	case !trusted(st.Uid) && int(st.Uid) != owner:
		return fmt.Errorf("file of user %d %s: %w (remove it, or choose another directory)", st.Uid, where, ErrUntrusted)
	case st.Nlink != 1:
		return fmt.Errorf("file with %d names %s: %w (remove it, or choose another directory)", st.Nlink, where, ErrUntrusted)
	}
	return nil
}

// checkKind refuses all but regular files and /dev/null.
func checkKind(st *unix.Stat_t) error {
	kind := "irregular file"
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		kind = "directory"
	case unix.S_IFIFO:
		kind = "named pipe"
	case unix.S_IFSOCK:
		kind = "socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		if isNull(st) {
			return nil
		}
		kind = "device"
	}
	return fmt.Errorf("is a %s, %w", kind, ErrNotRegular)
}

// isNull reports whether st is of the null device, under whatever name.
func isNull(st *unix.Stat_t) bool {
	null, err := statAt(unix.AT_FDCWD, os.DevNull, 0)
	const char = unix.S_IFCHR
	return err == nil && st.Mode&unix.S_IFMT == char && null.Mode&unix.S_IFMT == char && st.Rdev == null.Rdev
}

// remove unlinks the file if it still is the one that info is of.
func (p *place) remove(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || p.info == nil || p.info.Dev != st.Dev || p.info.Ino != st.Ino {
		return fs.ErrNotExist
	}
	return unix.Unlinkat(p.dir, p.name, 0)
}

func (p *place) removeEmpty() error {
	switch {
	case p.info == nil:
		return fs.ErrNotExist
	case p.info.Mode&unix.S_IFMT != unix.S_IFREG:
		return ErrNotRegular
	case p.info.Size > 0:
		return errors.New("not empty")
	}
	return unix.Unlinkat(p.dir, p.name, 0)
}

func openAt(dir int, name string, flags int, perm uint32) (fd int, err error) {
	for {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, perm)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func statAt(dir int, name string, flags int) (*unix.Stat_t, error) {
	st := new(unix.Stat_t)
	for {
		err := unix.Fstatat(dir, name, st, flags)
		if err != unix.EINTR {
			return st, err
		}
	}
}
