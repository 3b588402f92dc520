//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package server

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sendUnixgram sends p to a client without waiting. It returns errNoRoom if it would have to.
func sendUnixgram(conn *net.UnixConn, p []byte, to *net.UnixAddr) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var errSend error
	err = raw.Control(func(fd uintptr) {
		for errSend = unix.EINTR; errSend == unix.EINTR; {
			errSend = unix.Sendto(int(fd), p, unix.MSG_DONTWAIT, &unix.SockaddrUnix{Name: to.Name})
		}
	})
	switch {
	case err != nil:
		return err
	case errors.Is(errSend, unix.EAGAIN), errors.Is(errSend, unix.ENOBUFS): // what Linux, and what the BSDs say
		return errNoRoom
	}
	return os.NewSyscallError("sendto", errSend)
}
