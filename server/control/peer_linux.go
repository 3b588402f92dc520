package control

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// findPeer asks the kernel; see SO_PEERCRED in unix(7).
func findPeer(c *net.UnixConn) (peer, error) {
	credentials, err := ask(c, func(fd int) (*unix.Ucred, error) {
		return unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return peer{}, err
	}
	return peer{uid: int(credentials.Uid), pid: int(credentials.Pid)}, nil
}

// peerEnded reports whether the peer has ended: then its pid may be that of any process, and
// another one has the socket from it. Before Linux 6.5 there is no way to know.
func peerEnded(c *net.UnixConn) (bool, error) {
	pidfd, err := ask(c, func(fd int) (int, error) {
		return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	})
	switch {
	case errors.Is(err, unix.ESRCH):
		return true, nil
	case err != nil:
		return false, nil
	}
	defer unix.Close(pidfd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n > 0, err
}

// ask calls a function with the descriptor of a connection.
func ask[T any](c *net.UnixConn, call func(fd int) (T, error)) (T, error) {
	var answer T
	raw, err := c.SyscallConn()
	if err != nil {
		return answer, err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) { answer, callErr = call(int(fd)) })
	return answer, errors.Join(err, callErr)
}
