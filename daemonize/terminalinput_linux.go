package daemonize

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denyTerminalInput takes away the two ioctl(2) calls by which a process types into its
// controlling terminal, TIOCSTI and TIOCLINUX, for the rest of its life: the shell that gets the
// input is root's. It does nothing without a controlling terminal, because a filter costs a little
// with each system call. Giving up the terminal would be worse: reading from it in the background
// would then be allowed. no_new_privs must be set.
//
// The filter is written here because libraries compare all 64 bits of an argument, while the
// kernel uses 32 of this one: a bit set above them would get around (CVE-2019-10063).
func (kernel) denyTerminalInput() error {
	terminal, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		unix.Close(terminal)
	}
	architecture, ok := map[string]uint32{
		"amd64": unix.AUDIT_ARCH_X86_64,
		"arm64": unix.AUDIT_ARCH_AARCH64,
	}[runtime.GOARCH]
	if !ok {
		return errors.ErrUnsupported
	}
	filter := terminalFilter(architecture)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	switch {
	case errno != 0:
		return errno
	case thread != 0: // it has a filter that is not ours
		return unix.ESRCH
	}
	return nil
}

// terminalFilter is the program for a little-endian architecture. The system calls of another
// one, 32-bit and x32 ones, have other numbers, and this program makes none.
func terminalFilter(architecture uint32) []unix.SockFilter {
	const (
		number, arch, request = 0, 4, 24 // in struct seccomp_data: the last is the low half of the second argument
		load                  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal                 = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		atLeast               = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		leave                 = unix.BPF_RET | unix.BPF_K
		x32                   = 0x40000000
	)
	return []unix.SockFilter{
		{Code: load, K: arch},
		{Code: equal, K: architecture, Jf: 7},
		{Code: load, K: number},
		{Code: atLeast, K: x32, Jt: 5},
		{Code: equal, K: unix.SYS_IOCTL, Jf: 3},
		{Code: load, K: request},
		{Code: equal, K: unix.TIOCSTI, Jt: 2},
		{Code: equal, K: unix.TIOCLINUX, Jt: 1},
		{Code: leave, K: unix.SECCOMP_RET_ALLOW},
		{Code: leave, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	}
}
