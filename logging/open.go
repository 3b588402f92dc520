package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// fileMode is the mode of a log file that is created, whatever the umask is:
// what clients do is not for everybody to read.
const fileMode fs.FileMode = 0o640

// ErrNotRegular is matched by the error for a log file that is neither a
// regular file nor /dev/null.
var ErrNotRegular = errors.New("not a regular file")

// openedFile is a log file and whether it was created to be opened.
type openedFile struct {
	*os.File
	created bool
}

// openLog opens a log file for appending. What is not fit to be one is left
// alone: opening some devices has effects, a FIFO blocks, and a terminal may
// become the controlling terminal of the process, so the file is looked at
// first. It may be replaced until it is opened; hence O_NONBLOCK, O_NOCTTY and
// a second look. The error does not name the path.
func openLog(path string) (*openedFile, error) {
	f, created, err := openOrCreate(path)
	for try := 1; try < 10 && errors.Is(err, errReplaced); try++ {
		f, created, err = openOrCreate(path)
	}
	if err != nil {
		return nil, cause(err)
	}
	if err := settle(f); err != nil {
		f.Close()
		return nil, cause(err)
	}
	return &openedFile{f, created}, nil
}

// errReplaced says that a file was there and then was not, or the reverse, as
// when it is being renamed by logrotate(8).
var errReplaced = errors.New("replaced while it was opened")

func openOrCreate(path string) (f *os.File, created bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = create(path)
		return f, true, err
	}
	if err != nil {
		return nil, false, err
	}
	if err := checkKind(info); err != nil {
		return nil, false, err
	}
	f, err = os.OpenFile(path, openFlags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = errReplaced
	}
	return f, false, err
}

// openFlags are those of an existing file; package os adds O_CLOEXEC.
const openFlags = os.O_WRONLY | os.O_APPEND | syscall.O_NOCTTY | syscall.O_NONBLOCK

// create makes the file and sets its mode past the umask. O_EXCL makes sure
// that this mode, and later an owner, is only ever given to a new file.
func create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, openFlags|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, explainCreate(path, err)
	}
	if err := f.Chmod(fileMode); err != nil {
		f.Close()
		os.Remove(path)
		return nil, fmt.Errorf("chmod %#o: %w", fileMode, cause(err))
	}
	return f, nil
}

// explainCreate finds the cause of an error that the kernel reports in a few
// words too few.
func explainCreate(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		if _, err := os.Readlink(path); err == nil {
			return fmt.Errorf("symbolic link to a missing file: %w", fs.ErrNotExist)
		}
		return errReplaced
	}
	dir := filepath.Dir(path)
	if _, dirErr := os.Stat(dir); errors.Is(dirErr, fs.ErrNotExist) {
		return fmt.Errorf("directory %s: %w", dir, cause(dirErr))
	}
	return err
}

// settle makes sure of what was opened and makes it blocking: the writer is
// meant to wait for a slow disk.
func settle(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkKind(info); err != nil {
		return err
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fcntlErr error
	err = conn.Control(func(fd uintptr) { fcntlErr = syscall.SetNonblock(int(fd), false) })
	if err != nil {
		return err
	}
	return fcntlErr
}

// checkKind refuses all but regular files and /dev/null.
func checkKind(info fs.FileInfo) error {
	kind := "irregular file"
	switch mode := info.Mode(); {
	case mode.IsRegular(), isNull(info):
		return nil
	case mode.IsDir():
		kind = "directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "socket"
	case mode&fs.ModeDevice != 0:
		kind = "device"
	}
	return fmt.Errorf("is a %s, %w", kind, ErrNotRegular)
}

// isNull reports whether info is of the null device, under whatever name.
func isNull(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil || info.Mode()&fs.ModeCharDevice == 0 || null.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	a, okA := info.Sys().(*syscall.Stat_t)
	b, okB := null.Sys().(*syscall.Stat_t)
	return okA && okB && a.Rdev == b.Rdev
}

// cause takes the operation and the path off an error of package os.
func cause(err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		return pathErr.Err
	}
	return err
}
