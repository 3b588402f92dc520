package server

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unique"
	"unsafe"

	"golang.org/x/sys/unix"
)

// parseSockaddr reads an address that the kernel wrote, size bytes of it.
func parseSockaddr(sa *unix.RawSockaddrAny, size uint32) endpoint {
	ip := ipOf(sa)
	if !ip.IsValid() {
		return endpoint{name: unique.Make(unixName(sa, size))}
	}
	addr := ip.Addr().Unmap()
	if addr.Is6() {
		if scope := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa)).Scope_id; scope != 0 {
			addr = addr.WithZone(zoneName(scope))
		}
	}
	return endpoint{ip: netip.AddrPortFrom(addr, ip.Port())}
}

// ipOf returns the IP address and the port in sa, without the zone, or an invalid address if it is
// of another family.
func ipOf(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), hostOrder(&in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr), hostOrder(&in.Port))
	}
	return netip.AddrPort{}
}

// unixName returns the name of a Unix socket as package net writes it: that of an abstract one
// begins with @ in place of its zero byte, and a socket without a name is just that.
func unixName(sa *unix.RawSockaddrAny, size uint32) string {
	path := (*unix.RawSockaddrUnix)(unsafe.Pointer(sa)).Path
	n := int(size) - int(unsafe.Offsetof(unix.RawSockaddrUnix{}.Path))
	name := make([]byte, 0, len(path))
	for i := 0; i < n && i < len(path); i++ {
		switch {
		case path[i] != 0:
			name = append(name, byte(path[i]))
		case i == 0 || path[0] == 0:
			name = append(name, '@')
		default:
			return string(name)
		}
	}
	if len(name) == 0 {
		return "@"
	}
	return string(name)
}

// hostOrder reads a port in network byte order.
func hostOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

// zoneName returns the name of a network interface, or its number if it has none any more.
func zoneName(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}
