package server

import (
	"context"
	"fmt"
	"net"
)

// Listen returns a listener for a tcp or unix address. ctx bounds the resolution of a host name, and the
// question to a Unix socket that is there already whether somebody serves it.
//
// The file of a Unix socket that nobody answers at is taken over. If somebody does, the error wraps
// [syscall.EADDRINUSE]; if what is at the path is no socket, [fs.ErrExist]. The file
// has mode 0666, whatever the umask: like a port on the loopback address, it is for every user of the
// machine. To let fewer connect, put it into a directory that fewer may search. Nothing
// here changes the umask, which belongs to the whole process.
//
// Closing the listener of a Unix socket removes the file if it still is the one that was made. It is left if
// the process may not remove it any more, having given up its privileges, or cannot reach it, after
// chroot(2): then the next listener takes it over. The listener has a method
// Chown(uid, gid int) error that gives the file to another user: in a directory with the sticky bit
// only its owner may remove it.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	switch a.network {
	case "tcp":
		var config net.ListenConfig
		return config.Listen(ctx, a.family(), a.target())
	case "unix":
		return listenSocketFile(ctx, a.path)
	}
	return nil, fmt.Errorf("listen on %s: %w", a, net.UnknownNetworkError(a.network))
}

// ListenPacket returns a socket for a udp address. ctx bounds the resolution of a host name.
func (a Address) ListenPacket(ctx context.Context) (net.PacketConn, error) {
	if a.network != "udp" {
		return nil, fmt.Errorf("listen on %s: %w", a, net.UnknownNetworkError(a.network))
	}
	var config net.ListenConfig
	return config.ListenPacket(ctx, a.family(), a.target())
}
