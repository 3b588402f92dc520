package daemonize

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneToLock starts a child that shares the table of open files, takes the lock of a daemon, and executes a
// program, which ends with the calling thread. A child of clone(2) in a Go program can do nothing but system
// calls, so all that they need is made before.
//
//go:norace
func cloneToLock(fd int, program, argument string) (int, error) {
	record := unix.Flock_t{Type: unix.F_WRLCK}
	path, err := syscall.BytePtrFromString(program)
	if err != nil {
		return 0, err
	}
	argv, err := syscall.SlicePtrFromStrings([]string{program, argument})
	if err != nil {
		return 0, err
	}
	env := []*byte{nil}
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, unix.CLONE_FILES|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if pid != 0 {
		return int(pid), nil
	}
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	_, _, errno = syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), unix.F_SETLK, uintptr(unsafe.Pointer(&record)))
	if errno == 0 {
		_, _, errno = syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	}
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
}
