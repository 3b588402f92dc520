package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// findPeer asks the kernel; see SO_PEERCRED in unix(7).
func findPeer(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var credentials *unix.Ucred
	var optErr error
	err = raw.Control(func(fd uintptr) {
		credentials, optErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = optErr
	}
	if err != nil {
		return peer{}, err
	}
	return peer{uid: int(credentials.Uid), pid: int(credentials.Pid)}, nil
}
