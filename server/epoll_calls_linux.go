package server

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the data path. They do not block, so they are made without telling
// Go's scheduler, which costs more than many of them. Everything else goes through package unix.

// receive reads what has come in on fd, at most len(p) bytes.
func receive(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// send sends as much of p as the socket takes. A connection that is gone is an error, not a signal.
func send(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// acceptClient takes a client from the queue of a listening socket. from is set to its address,
// of which the second result is the length.
func acceptClient(fd int32, from *unix.RawSockaddrAny) (int32, uint32, syscall.Errno) {
	size := uint32(unsafe.Sizeof(*from))
	client, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd),
		uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, 0, errno
	}
	return int32(client), size, 0
}

// localName sets to to the address of this end of the connection fd and returns its length.
func localName(fd int32, to *unix.RawSockaddrAny) (uint32, syscall.Errno) {
	size := uint32(unsafe.Sizeof(*to))
	_, _, errno := syscall.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd),
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(&size)))
	return size, errno
}

// duplicate returns a descriptor of its own for what c has open.
func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	if cerr := raw.Control(func(orig uintptr) {
		fd, err = unix.FcntlInt(orig, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil {
		return -1, cerr
	}
	return fd, os.NewSyscallError("fcntl", err)
}

// closeSocket closes a connection. Linux releases the descriptor whatever close returns.
func closeSocket(fd int32) {
	syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

// setInterest tells the epoll instance which events of fd to report; op is one of EPOLL_CTL_*.
func setInterest(epfd, op int, fd int32, events uint32) syscall.Errno {
	event := unix.EpollEvent{Events: events, Fd: fd}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&event)), 0, 0)
	return errno
}

// pollEvents returns the events that are there already.
func pollEvents(epfd int, events []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// awaitEvents waits for events, for so many milliseconds; -1 is for ever. The scheduler
// knows of it and lends the processor to others. It may return 0 early.
func awaitEvents(epfd int, events []unix.EpollEvent, milliseconds int) int {
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(milliseconds), 0, 0)
	if errno != 0 {
		return 0 // EINTR; the descriptors are ours, so nothing else can happen
	}
	return int(n)
}

// unsentBytes returns how much of what was sent on fd has not reached the peer's system: for TCP in
// bytes, of which the end of the stream is one; for a Unix socket how much memory what the peer has
// not read takes.
func unsentBytes(fd int32) int {
	var n int32
	_, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// socketError returns the error that a connection has broken with, and forgets it.
func socketError(fd int32) syscall.Errno {
	var errno int32
	size := uint32(unsafe.Sizeof(errno))
	if _, _, failed := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&errno)), uintptr(unsafe.Pointer(&size)), 0); failed != 0 {
		return failed
	}
	return syscall.Errno(errno)
}
