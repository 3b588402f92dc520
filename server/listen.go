package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// socketFileMode lets everybody connect.
const socketFileMode fs.FileMode = 0o666

// errOneFamily is why a socket cannot be for IPv6 and IPv4.
var errOneFamily = errors.New("a socket is for IPv6 or IPv4 here")

// Resolve returns the addresses that a name stands for, each once, IPv4 first; and of any other
// address that address. Their port, or 0, is that of a. ctx bounds the resolution.
func (a Address) Resolve(ctx context.Context) ([]Address, error) {
	return a.resolve(ctx, net.DefaultResolver.LookupNetIP)
}

func (a Address) resolve(ctx context.Context, lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)) ([]Address, error) {
	if _, err := netip.ParseAddr(a.host); err == nil || a.host == "" {
		return []Address{a}, nil
	}
	ips, err := lookUp(ctx, "ip", a.host)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(ips, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	var addresses []Address
	for _, ip := range ips {
		one := a
		if one.host = ip.Unmap().String(); !slices.Contains(addresses, one) {
			addresses = append(addresses, one)
		}
	}
	return addresses, nil
}

// WithPort returns a TCP or UDP address with another port.
func (a Address) WithPort(port uint16) Address {
	a.port = port
	return a
}

// listenOn calls listen with the network and the address for package net. Package net would find
// out whether a socket can be for both families by way of 127.0.0.1 and ::1, which a machine, or a
// network namespace, need not have.
func (a Address) listenOn(listen func(config *net.ListenConfig, network, address string) error) error {
	network := a.family()
	if a.host == "" || a.host == "::" {
		err := listen(&net.ListenConfig{Control: takeBothFamilies}, a.network+"6", net.JoinHostPort("::", strconv.Itoa(a.Port())))
		switch {
		case errors.Is(err, errOneFamily):
		case errors.Is(err, syscall.EAFNOSUPPORT) && a.host == "":
			network += "4" // there is no IPv6; package net may have found another answer earlier
		default:
			return err
		}
	}
	return listen(&net.ListenConfig{}, network, a.target())
}

// Listen returns a listener for a tcp or unix address. Of a name it takes one address; see
// [Address.Resolve]. ctx bounds the resolution of a name, and the question to a Unix socket that is
// there already whether it is served.
//
// The listener of a Unix socket is that of [ListenUnix], with mode 0666: like a port on the
// loopback address, it is for every user of the machine. To let fewer connect, put it into a
// directory that fewer may search.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	switch a.network {
	case "tcp":
		var l net.Listener
		err := a.listenOn(func(config *net.ListenConfig, network, address string) (err error) {
			l, err = config.Listen(ctx, network, address)
			return err
		})
		return l, err
	case "unix":
		return ListenUnix(ctx, a.path, socketFileMode)
	}
	return nil, fmt.Errorf("listen on %s: %w", a, net.UnknownNetworkError(a.network))
}

// ListenPacket returns a socket for a udp address. Of a name it takes one address; see
// [Address.Resolve]. ctx bounds the resolution of a name.
func (a Address) ListenPacket(ctx context.Context) (net.PacketConn, error) {
	if a.network != "udp" {
		return nil, fmt.Errorf("listen on %s: %w", a, net.UnknownNetworkError(a.network))
	}
	var pc net.PacketConn
	err := a.listenOn(func(config *net.ListenConfig, network, address string) (err error) {
		pc, err = config.ListenPacket(ctx, network, address)
		return err
	})
	return pc, err
}
