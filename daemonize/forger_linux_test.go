package daemonize

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forge holds the pid file that the first of a.Words names, in a way that has the kernel name
// another process: the record lock is taken by a child that shares the table of descriptors, and
// then, as the second word says, "executes" a program of the caller's user, or "ends", or has ended
// and its number was "recycled" for such a program. What follows is the play of the program. The
// holder itself is of the user nobody then, if root has started it.
func forge(a *actor) int {
	words := strings.SplitN(a.Words, " ", 3)
	f, err := lockedFor(words[0])
	if err != nil {
		return broken(err)
	}
	pid, err := named(words[1], int(f.Fd()), words[2])
	if err == nil {
		_, err = f.WriteString(pidLine(pid))
	}
	if err == nil && os.Geteuid() == 0 {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setresgid(65534, 65534, 65534), syscall.Setresuid(65534, 65534, 65534))
	}
	if err != nil {
		return broken(err)
	}
	a.say("forged", fmt.Sprint(pid))
	a.await("end")
	return 0
}

// lockedFor takes the lock of flock(2).
func lockedFor(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	return f, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// named has a process named by the record lock of a file.
func named(how string, fd int, play string) (int, error) {
	program, err := newImage(play)
	if err != nil {
		return 0, err
	}
	if how == "executes" {
		return cloneFor(&cloneArgs{flags: unix.CLONE_FILES}, fd, program)
	}
	pid, err := cloneFor(&cloneArgs{flags: unix.CLONE_FILES}, fd, nil)
	if err != nil {
		return 0, err
	}
	if err := ignoringEINTR(func() error { _, err := unix.Wait4(pid, nil, 0, nil); return err }); err != nil {
		return 0, err
	}
	if how == "recycled" {
		number := int32(pid)
		again, err := cloneFor(&cloneArgs{setTID: uint64(uintptr(unsafe.Pointer(&number))), setTIDSize: 1}, -1, program)
		if err == nil && again != pid {
			err = fmt.Errorf("pid %d, want %d", again, pid)
		}
		runtime.KeepAlive(&number)
		return pid, err
	}
	return pid, nil
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// An image is a program that execve(2) can be called with.
type image struct {
	path       *byte
	argv, envp []*byte
}

func newImage(play string) (*image, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	i := &image{}
	if i.path, err = unix.BytePtrFromString(program); err != nil {
		return nil, err
	}
	if i.argv, err = syscall.SlicePtrFromStrings([]string{program, playArgument, play}); err != nil {
		return nil, err
	}
	i.envp, err = syscall.SlicePtrFromStrings(os.Environ())
	return i, err
}

// cloneFor makes a child that takes the record lock of fd, if there is one, and executes the
// program, or ends if there is none.
func cloneFor(args *cloneArgs, fd int, program *image) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	args.exitSignal = uint64(syscall.SIGCHLD)
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i]--
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old); err != nil {
		return 0, err
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	lock := &unix.Flock_t{Type: unix.F_WRLCK}
	pid, errno := rawClone(args, fd, lock, &unix.Sigset_t{}, program)
	if errno != 0 {
		return 0, errno
	}
	return int(pid), nil
}

// rawClone does nothing in the child that would need another thread, or more stack.
//
//go:noinline
//go:norace
func rawClone(args *cloneArgs, fd int, lock *unix.Flock_t, none *unix.Sigset_t, program *image) (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	if fd >= 0 {
		syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETLK, uintptr(unsafe.Pointer(lock)))
	}
	if program != nil {
		syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(none)), 0, 8, 0, 0)
		syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(program.path)),
			uintptr(unsafe.Pointer(&program.argv[0])), uintptr(unsafe.Pointer(&program.envp[0])))
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
}

// replaceItself takes all locks of the pid file that the first of a.Words names, as the user
// nobody, and executes the program that the second names in its own place; on a leash, not before
// TERM. It keeps the locks.
func replaceItself(a *actor) int {
	words := strings.SplitN(a.Words, " ", 3)
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(65534, 65534, 65534), syscall.Setresuid(65534, 65534, 65534)); err != nil {
		return broken(err)
	}
	f, err := lockedFor(words[0])
	if err == nil {
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	}
	if err == nil {
		_, err = f.WriteString(pidLine(os.Getpid()))
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETFD, 0)
	}
	if err == nil && a.Leash != "" {
		termC := make(chan os.Signal, 1)
		signal.Notify(termC, syscall.SIGTERM)
		a.say("ready", "")
		<-termC
	}
	if err == nil {
		err = syscall.Exec(words[1], []string{words[1], playArgument, words[2]}, os.Environ())
	}
	return broken(err)
}

// beRoot becomes root entirely, if a.Words says so and its file has the bit for that, and says the
// signals that it gets.
func beRoot(a *actor) int {
	if a.Words == "entirely" {
		if err := syscall.Setresuid(0, 0, 0); err != nil {
			return broken(err)
		}
	}
	return saySignals(a)
}
