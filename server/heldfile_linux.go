package server

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A heldFile stays the same file whatever is done to its name.
type heldFile struct {
	file *os.File
}

// holdFile follows no symbolic link, and does not open the file, which with a socket cannot be
// done.
func holdFile(path string) (*heldFile, error) {
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	return &heldFile{f}, nil
}

func (f *heldFile) stat() (fs.FileInfo, error) { return f.file.Stat() }

// chmod takes fchmodat2(2), which came with Linux 6.6, for fchmod(2) refuses such a descriptor;
// before, and where a filter of system calls does not know it, it goes through proc(5).
func (f *heldFile) chmod(mode fs.FileMode) error {
	fd := int(f.file.Fd())
	if unix.Fchmodat(fd, "", uint32(mode.Perm()), unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	err := os.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
	if errors.Is(err, fs.ErrNotExist) {
		return errNeedsProc
	}
	return err
}

var errNeedsProc = errors.New("needs /proc, or Linux 6.6")

func (f *heldFile) chown(uid, gid int) error {
	return unix.Fchownat(int(f.file.Fd()), "", uid, gid, unix.AT_EMPTY_PATH)
}

func (f *heldFile) close() { f.file.Close() }
