package daemonize

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// evidence reads /proc. A process that ends meanwhile is one without locks.
func (kernel) evidence(pid int, file fileInfo) (evidence, error) {
	var e evidence
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := readStart(filepath.Join(proc, "status"))
	if processGone(err) {
		e.hidden = syscall.Kill(pid, 0) != syscall.ESRCH // /proc may be mounted with hidepid=2
		return e, nil
	}
	if err != nil {
		return e, err
	}
	if e.uids, err = uidsIn(status); err != nil {
		return e, err
	}
	if e.atExec, err = userAtExec(proc); err == nil {
		e.locks, err = hasLocks(proc, file)
	}
	if errors.Is(err, fs.ErrPermission) {
		e.hidden = true
		return e, nil
	}
	if processGone(err) {
		return e, nil
	}
	return e, err
}

func processGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// uidsIn finds the line Uid of proc_pid_status(5).
func uidsIn(status string) (uids [4]int, err error) {
	_, line, _ := strings.Cut(status, "\nUid:")
	line, _, _ = strings.Cut(line, "\n")
	_, err = fmt.Sscan(line, &uids[0], &uids[1], &uids[2], &uids[3])
	if err != nil {
		err = fmt.Errorf("read the line Uid of its status: %w", err)
	}
	return uids, err
}

const atUID = 11 // see getauxval(3)

// userAtExec returns AT_UID of getauxval(3): the real user of the process when it executed its
// program, which a program with the set-user-ID bit cannot change.
func userAtExec(proc string) (int, error) {
	const word = strconv.IntSize / 8
	vector, err := readStart(filepath.Join(proc, "auxv"))
	if err != nil {
		return 0, err
	}
	for entry := range slices.Chunk([]byte(vector), 2*word) {
		if len(entry) == 2*word && nativeWord(entry) == atUID {
			return int(nativeWord(entry[word:])), nil
		}
	}
	return 0, fmt.Errorf("read %s/auxv: no AT_UID: %w", proc, fs.ErrNotExist)
}

func nativeWord(b []byte) uint64 {
	if strconv.IntSize == 32 {
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return binary.NativeEndian.Uint64(b)
}

// hasLocks tells whether the process has a descriptor of the file with both locks of a daemon, see
// fdinfo of proc_pid_fdinfo(5): that shows the locks that belong to this process, whichever process
// took them. The pid file is one of the first files that a daemon opens.
func hasLocks(proc string, file fileInfo) (bool, error) {
	descriptors, err := os.Open(filepath.Join(proc, "fdinfo"))
	if err != nil {
		return false, err
	}
	defer descriptors.Close()
	for {
		names, err := descriptors.Readdirnames(64)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, name := range names {
			if found, err := showsLocks(proc, name, file); err != nil || found {
				return found, err
			}
		}
	}
}

// showsLocks looks at one descriptor. What is no file of a file system is not asked for its fdinfo:
// that of epoll(7) has a line for each of its descriptors.
func showsLocks(proc, descriptor string, file fileInfo) (bool, error) {
	link := filepath.Join(proc, "fd", descriptor)
	target, err := os.Readlink(link)
	if err == nil && !strings.HasPrefix(target, "/") {
		return false, nil
	}
	var info string
	if err == nil {
		info, err = readStart(filepath.Join(proc, "fdinfo", descriptor))
	}
	if processGone(err) {
		return false, nil // closed meanwhile
	}
	if err != nil || !hasLock(info, "FLOCK") || !hasLock(info, "POSIX") {
		return false, err
	}
	return leadsTo(link, file), nil
}

// readStart reads as much of a file of proc(5) as can matter here.
func readStart(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return string(b), err
}

// leadsTo compares a file as stat(2) has it, because the device in the line of a lock is another
// one on overlayfs and btrfs. A file system that answers to another user, such as one of FUSE, is
// not asked.
func leadsTo(link string, file fileInfo) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st)
	if errors.Is(err, unix.ENOSYS) { // before Linux 4.11
		var old unix.Stat_t
		return unix.Stat(link, &old) == nil && newFileInfo(&old).sameFile(file)
	}
	return err == nil && fileInfo{dev: unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino}.sameFile(file)
}

// hasLock looks for a lock to write of this kind.
func hasLock(fdinfo, kind string) bool {
	for line := range strings.Lines(fdinfo) {
		fields := strings.Fields(line) // lock: 1: FLOCK ADVISORY WRITE 359 00:13:11691 0 EOF
		if len(fields) > 4 && fields[0] == "lock:" && fields[2] == kind && fields[4] == "WRITE" {
			return true
		}
	}
	return false
}
