package daemonize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// A system is the operating system as this package uses it: every call that
// can fail, in one place, so that a test can make each of them fail. Its one real
// implementation is kernel.
type system interface {
	// Detaching.
	socketpair() (ours, theirs *os.File, err error)
	peekInput(fd int) ([]byte, error)
	receive(fd int, n int) ([]byte, []int, error)
	send(f *os.File, b []byte, fds []int) error
	closeOnExec(first int) error
	emptySignalMask() (restore func(), err error)
	dup(fd int) (int, error)
	dup2(from, to int) error
	close(fd int) error
	sessionID() (int, error)
	umask(mask int)
	chdir(dir string) error
	noCoreDumps() error

	// Pid file and runtime directory.
	open(path string, flags int, perm uint32) (int, error)
	fstat(fd int) (fileInfo, error)
	lstat(path string) (fileInfo, error)
	flock(fd int, how int) error
	claim(fd int) error
	claimant(fd int) (pid int, err error)
	evidence(pid int, file fileInfo) (evidence, error)
	pwrite(fd int, b []byte, offset int64) (int, error)
	ftruncate(fd int, size int64) error
	fchmod(fd int, mode uint32) error
	chmod(path string, mode uint32) error
	chown(path string, uid, gid int) error
	mkdir(path string, mode uint32) error
	unlink(path string) error
	rmdir(path string) error
	pread(fd int, b []byte) (int, error)

	// Privileges.
	chroot(dir string) error
	setgroups(gids []int) error
	setgid(gid int) error
	setuid(uid int) error
	credentials() (credentials, error)
	openThreads() (*os.Root, error)
	closeInherited() error
	dropBoundingSet() error
	ownSessionKeyring() error
	clearInheritable() error
	clearCapabilities() error
	noNewPrivileges() error
	// privileged says what is left of root's power, or nothing.
	privileged(threads *os.Root, want threadLimits) (string, error)
	denyTerminalInput() error

	// Other processes.
	awaitZombie(child int) error
	process(pid int) (processHandle, error)

	// The command line kept for a restart.
	keepCommandLine(line []byte) error
	keptCommandLine(pid int) ([]byte, error)
}

// kernel is the system that runs this program.
type kernel struct{}

// A processHandle stands for one process, however its pid is used later.
type processHandle interface {
	signal(sig syscall.Signal) error
	// wait reports whether the process has ended, after at most the given
	// number of milliseconds. A process that has ended and was not waited for by its
	// parent counts as ended.
	wait(milliseconds int) (bool, error)
	close()
}

// credentials are who a process is.
type credentials struct {
	uid, euid, gid, egid int
	groups               []int
}

// fileInfo is what stat(2) tells of a file that matters here.
type fileInfo struct {
	dev, ino uint64
	mode     uint32
	uid      int
	links    uint64
}

func (a fileInfo) sameFile(b fileInfo) bool { return a.dev == b.dev && a.ino == b.ino }

func (a fileInfo) kind() uint32 { return a.mode & syscall.S_IFMT }

// describe names the kind of file in the words of find(1).
func (a fileInfo) describe() string {
	switch a.kind() {
	case syscall.S_IFREG:
		return "a regular file"
	case syscall.S_IFDIR:
		return "a directory"
	case syscall.S_IFLNK:
		return "a symbolic link"
	case syscall.S_IFIFO:
		return "a named pipe"
	case syscall.S_IFSOCK:
		return "a socket"
	default:
		return "a device"
	}
}

// needsProc says what is missing where a file of proc(5) is: that no such file is there would be
// taken for something that the caller has named.
func needsProc(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && strings.HasPrefix(pathErr.Path, "/proc/") && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("needs /proc: %v", err)
	}
	return err
}

// ignoringEINTR calls f again as long as a signal interrupts it.
func ignoringEINTR(f func() error) error {
	for {
		if err := f(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
