package server

import (
	"context"
	"fmt"
	"io/fs"
	"net"
)

// socketFileMode lets everybody connect.
const socketFileMode fs.FileMode = 0o666

// Listen returns a listener for a tcp or unix address. ctx bounds the resolution of a host name, and the
// question to a Unix socket that is there already whether somebody serves it.
//
// The listener of a Unix socket is that of [ListenUnix], with mode 0666: like a port on the loopback address, it is for
// every user of the machine. To let fewer connect, put it into a directory that fewer may search.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	switch a.network {
	case "tcp":
		var config net.ListenConfig
		return config.Listen(ctx, a.family(), a.target())
	case "unix":
		return ListenUnix(ctx, a.path, socketFileMode)
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
