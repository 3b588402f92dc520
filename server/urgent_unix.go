//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// receiveUrgentInline leaves the urgent data of a connection in its place among the other bytes. By
// default the kernel takes the byte out of the stream and keeps it for a call of its own
// (MSG_OOB), and an echo would lose it. An error does not matter: the client is served without.
func receiveUrgentInline(conn net.Conn) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) })
	}
}
