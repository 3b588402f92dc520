package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// keptName is the name of the memory file in which a daemon keeps its command line.
const keptName = "daemonize-command-line"

// keepCommandLine puts line into a memory file that nobody can change any more.
// Its descriptor stays open as long as the process lives.
func (kernel) keepCommandLine(line []byte) error {
	fd, err := unix.MemfdCreate(keptName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, line); err != nil {
		unix.Close(fd)
		return err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		unix.Close(fd)
		return err
	}
	return nil
}

// maxCommandLine is more than execve(2) takes.
const maxCommandLine = 8 << 20

// keptCommandLine reads what process pid kept. It believes only a file made by the
// caller's own user: a daemon that gave up root may be in other hands by now, and
// could show a file of its own, but none of root's.
func (kernel) keptCommandLine(pid int) ([]byte, error) {
	line, err := keptIn(filepath.Join("/proc", strconv.Itoa(pid)), "/memfd:")
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("find the command line that process %d was started with: %w", pid, err)
	}
	return line, err
}

// keptIn looks at the descriptors of the process at proc whose names begin with prefix.
func keptIn(proc, prefix string) ([]byte, error) {
	mount, err := mountOfMemoryFiles()
	if err != nil {
		return nil, fmt.Errorf("look at a memory file: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return nil, err
	}
	missing := os.ErrNotExist
	for _, entry := range entries {
		link := filepath.Join(proc, "fd", entry.Name())
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, prefix+keptName) {
			continue
		}
		line, err := readKept(link, mount)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, errOtherMount):
			missing = err
		}
	}
	return nil, missing
}

var errOtherMount = errors.New("is no memory file")

// readKept takes hold of the file without opening it, so that what is looked at is what is opened
// then.
func readKept(link, mount string) ([]byte, error) {
	fd, err := unix.Open(link, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	at, err := mountOf(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return nil, err
	}
	if at != mount {
		return nil, errOtherMount
	}
	return readOwn(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// mountOfMemoryFiles returns the number of the mount that all memory files are on, and no other
// file. A file with their name elsewhere is not even opened: a file system of the daemon's user
// need not answer, and a device may do anything.
func mountOfMemoryFiles() (string, error) {
	fd, err := unix.MemfdCreate(keptName, unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return mountOf(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
}

// mountOf reads the line mnt_id of proc_pid_fdinfo(5).
func mountOf(fdinfo string) (string, error) {
	b, err := os.ReadFile(fdinfo)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strings.TrimSpace(id), nil
		}
	}
	return "", errors.New("read " + fdinfo + ": no mnt_id")
}

// readOwn opens without waiting, and looks again at what it has.
func readOwn(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, err
	}
	if int(st.Uid) != os.Geteuid() || seals&unix.F_SEAL_WRITE == 0 || st.Size > maxCommandLine {
		return nil, fmt.Errorf("read %s: %w", path, os.ErrPermission)
	}
	line := make([]byte, st.Size)
	n, err := unix.Pread(fd, line, 0)
	return line[:max(n, 0)], err
}
