//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package server

import "net"

// receiveUrgentInline does nothing: urgent data is lost here.
func receiveUrgentInline(net.Conn) {}
