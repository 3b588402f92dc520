package server

import "net/netip"

// sourceOf returns what counts as one source under the limits for each source, as an address that
// stands for it: as little as can be told apart without giving one host many of them.
//
//   - IPv4: the address. It is also what counts of an IPv6 address with one in it: of a client
//     behind NAT64 (64:ff9b::/96, RFC 6052), of a 6to4 site (2002::/16, RFC 3056), of a Teredo
//     client (2001::/32, RFC 4380), which all share a prefix with strangers.
//   - link-local: the address and its zone. All neighbours have the same prefix.
//   - 64:ff9b:1::/48, which a network uses for NAT64 with prefixes of its own choice (RFC 8215):
//     the address. Where the IPv4 address is in it cannot be told.
//   - other IPv6: the /64 network, since a host that has one address there can have all of them.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() || a.IsLinkLocalUnicast() {
		return a
	}
	a = a.WithZone("")
	b := a.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b}: // NAT64
		return netip.AddrFrom4([4]byte(b[12:]))
	case [6]byte(b[:6]) == [6]byte{1: 0x64, 2: 0xff, 3: 0x9b, 5: 0x01}: // NAT64 of one's own
		return a
	case [2]byte(b[:2]) == [2]byte{0x20, 0x02}: // 6to4
		return netip.AddrFrom4([4]byte(b[2:6]))
	case [4]byte(b[:4]) == [4]byte{0x20, 0x01}: // Teredo, where all bits are flipped
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	clear(b[8:])
	return netip.AddrFrom16(b)
}
