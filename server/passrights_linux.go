package server

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptors can be passed through a Unix socket (SCM_RIGHTS), and when they are not wanted, the
// call that receives the bytes closes them. Such a close may block for as long as the client likes:
// that of a TCP connection with unsent data and SO_LINGER waits for its peer. In a loop, the signal
// by which Go's scheduler preempts it cuts that short after some 10 ms, but a message can bring 253
// of them. Linux 6.16 lets a socket refuse descriptors, with EPERM for the sender.

// refuseDescriptors has the kernel refuse descriptors that are sent to the Unix socket c, or to the
// clients of the listening socket c, which inherit that. It reports whether they were refused
// already: if not, there may be some in the queue of c, or in that of a client in it, and an older
// kernel goes on to take them.
func refuseDescriptors(c syscall.Conn) (already bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		passed, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS)
		if already = err == nil && passed == 0; !already {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0)
		}
	})
	return already
}
