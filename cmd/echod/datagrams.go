package main

import (
	"errors"
	"net"

	"echod/server"
)

// errNoDatagrams says that this build cannot serve a socket that was handed over.
var errNoDatagrams = errors.New("serve datagrams: not supported")

// servePacket serves a datagram socket if the server can.
func servePacket(s *server.Server, conn net.PacketConn) error {
	if d, ok := any(s).(interface{ ServePacket(net.PacketConn) error }); ok {
		return d.ServePacket(conn)
	}
	conn.Close()
	return errNoDatagrams
}
