//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package server

import "net"

// sendUnixgram waits for room here, if there are such sockets at all.
func sendUnixgram(conn *net.UnixConn, p []byte, to *net.UnixAddr) error {
	_, err := conn.WriteTo(p, to)
	return err
}
