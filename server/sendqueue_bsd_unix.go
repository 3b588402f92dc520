//go:build darwin || freebsd || netbsd

package server

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// finLength is what the end of the stream counts in sendQueue.
const finLength = 0

// sendQueue returns how many bytes of a TCP connection its peer's system has not acknowledged. ok
// is false if that cannot be known.
func sendQueue(fd uintptr) (n int, ok bool) {
	n, err := queuedBytes(int(fd))
	return n, err == nil
}

// brokenBy returns the error that a connection has broken with, and has the system forget it.
func brokenBy(fd uintptr) syscall.Errno {
	errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0
	}
	return syscall.Errno(errno)
}

// queuedBytes asks for what x/sys/unix does not have for all of these systems.
func queuedBytes(fd int) (int, error) {
	switch runtime.GOOS {
	case "darwin":
		const nwrite = 0x1024 // SO_NWRITE
		return unix.GetsockoptInt(fd, unix.SOL_SOCKET, nwrite)
	case "freebsd":
		const fionwrite = 0x40046677
		return unix.IoctlGetInt(fd, fionwrite)
	default:
		const fionwrite = 0x40046679
		return unix.IoctlGetInt(fd, fionwrite)
	}
}
