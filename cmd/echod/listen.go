package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"echod/daemonize"
	"echod/server"
)

// A socket is one address being served: by a listener, or for datagrams by a packet connection.
type socket struct {
	asked    server.Address // what it was bound for; zero if it was handed over
	listener net.Listener
	packets  net.PacketConn
	serve    func() error // set by prepare
}

// prepare does all that can fail before the first client of v is served, and sets serve.
func (k *socket) prepare(s *server.Server, v *server.Service) error {
	var err error
	if k.packets != nil {
		k.serve, err = s.PreparePacket(k.packets, v)
	} else {
		k.serve, err = s.Prepare(k.listener, v)
	}
	if err != nil {
		return fmt.Errorf("serve %s: %w", k, err)
	}
	return nil
}

func (k socket) close() {
	if k.packets != nil {
		k.packets.Close()
		return
	}
	k.listener.Close()
}

func (k socket) addr() net.Addr {
	if k.packets != nil {
		return k.packets.LocalAddr()
	}
	return k.listener.Addr()
}

// String returns the address as it was bound, with the port that the system has chosen.
func (k socket) String() string {
	addr := k.addr()
	return addr.Network() + "://" + addr.String()
}

// giveTo makes a Unix socket's file that of the user that the server becomes, who may have to
// remove it.
func (k socket) giveTo(id *daemonize.Identity) error {
	file, ok := k.listener.(*server.UnixListener)
	if !ok || id == nil {
		return nil
	}
	return file.Chown(id.UID, id.GID)
}

// enterRoot says where a Unix socket's file is now that root is the root directory. One outside
// cannot be removed any more.
func (k socket) enterRoot(root string) {
	if file, ok := k.listener.(*server.UnixListener); ok {
		file.SetPath(daemonize.InsideRoot(file.Addr().String(), root))
	}
}

// listenAll binds all addresses or none. others are the sockets that this process has already.
func listenAll(addresses []server.Address, others ...socket) ([]socket, error) {
	var sockets []socket
	for _, a := range addresses {
		bound, err := listenAtEach(a, slices.Concat(others, sockets))
		if err != nil {
			closeAll(sockets)
			return nil, err
		}
		sockets = append(sockets, bound...)
	}
	return sockets, nil
}

// onePortTries is how often the system is asked for a port that is free at all addresses of a name.
const onePortTries = 20

// listenAtEach binds all addresses of a name at one port, or the one address that is none.
func listenAtEach(a server.Address, others []socket) ([]socket, error) {
	addresses, err := a.Resolve(context.Background())
	if err != nil {
		return nil, portError(a, err, others)
	}
	for tries := 1; ; tries++ {
		sockets, err := listenAtOnePort(a, addresses, others)
		if a.Port() != 0 || tries == onePortTries || !errors.Is(err, syscall.EADDRINUSE) {
			return sockets, err
		}
	}
}

// listenAtOnePort leaves out addresses that this machine does not have, if it has others: localhost
// is often said to be ::1 too where there is no IPv6.
func listenAtOnePort(a server.Address, addresses []server.Address, others []socket) ([]socket, error) {
	var sockets []socket
	var missing error
	for _, one := range addresses {
		if len(sockets) > 0 && one.Port() == 0 {
			one = one.WithPort(addrPortOf(sockets[0].addr()).Port())
		}
		k, err := listen(one, others)
		switch {
		case err == nil:
			k.asked = a
			sockets = append(sockets, k)
		case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
			missing = cmp.Or(missing, err)
		default:
			closeAll(sockets)
			return nil, err
		}
	}
	if len(sockets) == 0 {
		return nil, missing
	}
	return sockets, nil
}

// addrPortOf returns the address of a TCP or UDP socket, and an invalid one for others.
func addrPortOf(a net.Addr) netip.AddrPort {
	if ip, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		return netip.AddrPortFrom(ip.AddrPort().Addr().Unmap(), ip.AddrPort().Port())
	}
	return netip.AddrPort{}
}

func listen(a server.Address, others []socket) (socket, error) {
	var k socket
	var err error
	if a.Network() == "udp" {
		k.packets, err = a.ListenPacket(context.Background())
	} else {
		k.listener, err = a.Listen(context.Background())
	}
	switch {
	case err == nil && k.addr() == nil: // getsockname(2) has failed, which package net keeps to itself
		k.close()
		return socket{}, withStatus(exitSystem, fmt.Errorf("listen on %s: look up the address of the socket: no answer", a))
	case err == nil:
		return k, nil
	case a.Network() == "unix":
		return socket{}, socketFileError(a, err)
	}
	return socket{}, portError(a, err, others)
}

// socketFileError says why a Unix socket cannot be had.
func socketFileError(a server.Address, err error) error {
	cause := innermost(err)
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return withStatus(exitUnavailable, err)
	case errors.Is(err, fs.ErrExist):
		return withStatus(exitCantCreate, err)
	case !errors.As(cause, &errno):
		return withStatus(exitSystem, err)
	case cannotCreate(err):
		return withStatus(exitCantCreate, fmt.Errorf("listen on %s: %w", a, errno))
	}
	return withPermStatus(exitSystem, fmt.Errorf("listen on %s: %w", a, errno))
}

// portError says why a TCP or UDP port cannot be had.
func portError(a server.Address, err error, others []socket) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w", a, innermost(err)))
	}
	switch errno {
	case syscall.EADDRINUSE:
		return withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w%s", a, errno, heldBy(a, others)))
	case syscall.EACCES, syscall.EPERM:
		return withStatus(exitNoPerm, fmt.Errorf("listen on %s: %w%s", a, errno, forbiddenPortHint(a.Port())))
	case syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		return withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w", a, errno))
	}
	return withStatus(exitSystem, fmt.Errorf("listen on %s: %w", a, errno))
}

// forbiddenPortHint says what keeps this process from a port.
func forbiddenPortHint(port int) string {
	if first := firstUnprivilegedPort(); 0 < port && port < first && !hasPortPrivilege() {
		return fmt.Sprintf(" (a port below %d needs root or CAP_NET_BIND_SERVICE, see setcap(8); or choose another with --listen)", first)
	}
	return " (a security policy, such as that of SELinux or AppArmor, or the user namespace forbids it; or choose another with --listen)"
}

func closeAll(sockets []socket) {
	for _, k := range sockets {
		k.close()
	}
}

// heldBy says what holds a busy address, if that can be known.
func heldBy(a server.Address, others []socket) string {
	for _, k := range others {
		if k.includes(a) {
			return fmt.Sprintf(" by %s, which this server listens on too (leave one of them out)", k.given())
		}
	}
	holders := portHolders(a)
	if len(holders) == 0 {
		return " (choose another with --listen)"
	}
	return " by " + strings.Join(holders, " and ")
}

// given returns the address as the user has written it, but for a socket that was handed over.
func (k socket) given() string {
	if k.asked == (server.Address{}) {
		return k.String()
	}
	return k.asked.String()
}

// includes reports whether no other socket can have the address a, which is no name, because of k.
func (k socket) includes(a server.Address) bool {
	bound := addrPortOf(k.addr())
	if k.addr().Network() != a.Network() || int(bound.Port()) != a.Port() {
		return false
	}
	own, wanted := bound.Addr(), netip.IPv6Unspecified()
	if a.Host() != "" {
		wanted, _ = netip.ParseAddr(a.Host())
	}
	if own.IsUnspecified() || wanted.IsUnspecified() {
		return own == netip.IPv6Unspecified() || wanted == netip.IPv6Unspecified() || own.Is4() == wanted.Is4()
	}
	return own == wanted
}

// innermost drops what net.Listen says around a cause: the address is in the message already.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
