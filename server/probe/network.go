package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// maxDatagram is the largest UDP payload that fits into an IPv4 packet:
// 65535 less 20 bytes of IP header and 8 of UDP header.
const maxDatagram = 65507

// isStream tells whether network, a name that [net.Dial] knows and
// checkMessage has let pass, carries a stream of bytes or datagrams.
func isStream(network string) bool { return !strings.HasPrefix(network, "udp") }

// checkMessage refuses a network that the package does not speak, and a
// message that the network cannot carry. A negative size means an empty
// message, zero some default.
func checkMessage(network string, size int) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		if size < 0 {
			return errors.New("an empty message cannot be seen on a stream")
		}
	case "udp", "udp4", "udp6":
		if size > maxDatagram {
			return fmt.Errorf("size %d: a datagram carries at most %d bytes", size, maxDatagram)
		}
	default:
		return fmt.Errorf("network %q: want tcp, udp or unix", network)
	}
	return nil
}

// dial connects to address as [net.Dialer] does, trying each address of a
// host name in turn.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// IsUnreachable tells whether err says that nobody listens at the address, or
// that no way leads there: a refused connection, a missing socket file, a host
// without a route, a name that is not known, a connection nobody answered.
func IsUnreachable(err error) bool {
	var (
		dnsError *net.DNSError
		opError  *net.OpError
	)
	if errors.As(err, &dnsError) {
		return true
	}
	if errors.As(err, &opError) && opError.Op == "dial" && opError.Timeout() {
		return true
	}
	for _, errno := range []syscall.Errno{
		syscall.ECONNREFUSED, syscall.ENOENT, syscall.EHOSTUNREACH,
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
