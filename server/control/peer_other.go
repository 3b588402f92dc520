//go:build !linux

package control

import (
	"errors"
	"net"
)

// findPeer cannot tell: each of these systems has a call of its own for it. The mode of the
// socket decides alone who may connect.
func findPeer(*net.UnixConn) (peer, error) {
	return peer{}, errors.ErrUnsupported
}

func peerEnded(*net.UnixConn) (bool, error) { return false, errors.ErrUnsupported }
