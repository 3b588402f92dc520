//go:build unix

package daemonize

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// inspectSocket finds out what kind of socket a descriptor is, and marks it close-on-exec.
func inspectSocket(fd int) (SocketKind, error) {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return 0, socketCause(err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return 0, socketCause(err)
	}
	if err := checkFamily(fd); err != nil {
		return 0, err
	}
	switch kind {
	case unix.SOCK_DGRAM:
		return Datagram, nil
	case unix.SOCK_STREAM:
		return inspectStream(fd)
	}
	return 0, fmt.Errorf("%w: neither stream nor datagram", ErrWrongSocket)
}

// checkFamily asks for the socket's own address, because not every system has SO_DOMAIN.
func checkFamily(fd int) error {
	address, err := unix.Getsockname(fd)
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return err
	}
	switch address.(type) {
	case *unix.SockaddrInet4, *unix.SockaddrInet6, *unix.SockaddrUnix:
		return nil
	}
	return fmt.Errorf("%w: neither IPv4, IPv6 nor Unix", ErrWrongSocket)
}

func inspectStream(fd int) (SocketKind, error) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return 0, err
	}
	if listening != 0 {
		return ListeningStream, nil
	}
	if _, err := unix.Getpeername(fd); err != nil {
		if errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.EINVAL) {
			return 0, ErrNotConnected // EINVAL on macOS: the peer has gone
		}
		return 0, err
	}
	return ConnectedStream, nil
}

func socketCause(err error) error {
	switch {
	case errors.Is(err, unix.ENOTSOCK):
		return ErrNotSocket
	case errors.Is(err, unix.EBADF):
		return fmt.Errorf("it is not open: %w", err)
	}
	return err
}

// sameFile reports whether two descriptors are of one file or socket.
func sameFile(a, b int) bool {
	var stA, stB unix.Stat_t
	return unix.Fstat(a, &stA) == nil && unix.Fstat(b, &stB) == nil && stA.Dev == stB.Dev && stA.Ino == stB.Ino
}
