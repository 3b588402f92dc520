package server

import (
	"net"
	"net/netip"
	"unique"
)

// An endpoint is one end of a connection. It is compact, for there is one for each client, and
// it becomes text only when it is to be read.
type endpoint struct {
	ip   netip.AddrPort        // of TCP; not valid for anything else
	name unique.Handle[string] // of anything else; most clients of Unix sockets have the same
}

func endpointOf(a net.Addr) endpoint {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ip := tcp.AddrPort()
		return endpoint{ip: netip.AddrPortFrom(ip.Addr().Unmap(), ip.Port())}
	}
	return endpoint{name: unique.Make(a.String())}
}

func (e endpoint) String() string {
	if e.ip.IsValid() {
		return e.ip.String()
	}
	return e.name.Value()
}

// A localEnd is what the sessions of one listener have in common.
type localEnd struct {
	network string
	address string
}
