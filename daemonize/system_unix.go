//go:build unix

package daemonize

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// greetingRoom is the room for descriptors sent along with the greeting.
const greetingRoom = maxHandedOver

func (kernel) socketpair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	// Ours is polled by the Go runtime. Theirs blocks: it becomes the daemon's
	// standard output, and few programs expect EAGAIN there.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "handshake"), os.NewFile(uintptr(fds[1]), "handshake"), nil
}

func (kernel) peekInput(fd int) ([]byte, error) {
	b := make([]byte, 256)
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

func (kernel) receive(fd, n int) ([]byte, []int, error) {
	b, oob := make([]byte, n), make([]byte, unix.CmsgSpace(4*greetingRoom))
	n, oobn, _, _, err := unix.Recvmsg(fd, b, oob, 0)
	if err != nil {
		return nil, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, nil, err
	}
	var fds []int
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, nil, err
		}
		fds = append(fds, got...)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return b[:n], fds, nil
}

func (kernel) send(f *os.File, b []byte, fds []int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = conn.Write(func(fd uintptr) bool {
		sendErr = unix.Sendmsg(int(fd), b, rights, nil, 0)
		return sendErr != unix.EAGAIN
	})
	if err != nil {
		return err
	}
	return sendErr
}

func (kernel) close(fd int) error { return unix.Close(fd) }

func (kernel) dup(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

func (kernel) sessionID() (int, error) { return unix.Getsid(0) }
func (kernel) umask(mask int)          { unix.Umask(mask) }
func (kernel) chdir(dir string) error  { return ignoringEINTR(func() error { return unix.Chdir(dir) }) }

func (kernel) noCoreDumps() error {
	return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}

func (kernel) open(path string, flags int, perm uint32) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_NONBLOCK, perm)
		return err
	})
	return fd, err
}

func (kernel) fstat(fd int) (fileInfo, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return newFileInfo(&st), err
}

func (kernel) lstat(path string) (fileInfo, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	return newFileInfo(&st), err
}

func newFileInfo(st *unix.Stat_t) fileInfo {
	return fileInfo{dev: uint64(st.Dev), ino: uint64(st.Ino), mode: uint32(st.Mode), uid: int(st.Uid), links: uint64(st.Nlink)}
}

func (kernel) flock(fd, how int) error {
	return ignoringEINTR(func() error { return unix.Flock(fd, how) })
}

func (kernel) pwrite(fd int, b []byte, offset int64) (int, error) {
	return unix.Pwrite(fd, b, offset)
}

func (kernel) pread(fd int, b []byte) (int, error) { return unix.Pread(fd, b, 0) }

func (kernel) ftruncate(fd int, size int64) error    { return unix.Ftruncate(fd, size) }
func (kernel) fchmod(fd int, mode uint32) error      { return unix.Fchmod(fd, mode) }
func (kernel) chmod(path string, mode uint32) error  { return unix.Chmod(path, mode) }
func (kernel) chown(path string, uid, gid int) error { return unix.Lchown(path, uid, gid) }
func (kernel) mkdir(path string, mode uint32) error  { return unix.Mkdir(path, mode) }
func (kernel) unlink(path string) error              { return unix.Unlink(path) }
func (kernel) rmdir(path string) error               { return unix.Rmdir(path) }
func (kernel) chroot(dir string) error               { return unix.Chroot(dir) }

// The syscall package changes the ids of all threads of the process on
// Linux; setgroups of x/sys/unix changes those of one.
func (kernel) setgroups(gids []int) error { return syscall.Setgroups(gids) }
func (kernel) setgid(gid int) error       { return syscall.Setgid(gid) }
func (kernel) setuid(uid int) error       { return syscall.Setuid(uid) }

func (kernel) credentials() (credentials, error) {
	groups, err := syscall.Getgroups()
	return credentials{syscall.Getuid(), syscall.Geteuid(), syscall.Getgid(), syscall.Getegid(), groups}, err
}
