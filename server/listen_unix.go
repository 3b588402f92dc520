//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package server

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// takeBothFamilies makes an IPv6 socket that is not bound yet one for IPv4 too.
func takeBothFamilies(_, _ string, c syscall.RawConn) error {
	var errOption error
	err := c.Control(func(fd uintptr) {
		errOption = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	})
	if err == nil && errOption != nil {
		err = fmt.Errorf("%w: %w", errOneFamily, errOption)
	}
	return err
}
