package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// MaxSocketPath is the length of the longest path that a Unix socket can have here: sun_path of
// unix(7), 108 bytes on Linux and 104 on the BSDs, without the byte 0 at its end.
const MaxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// An Address is where to serve, or where the server to be asked is. It comes from [ParseAddress].
// Two addresses are equal, by ==, if and only if they have the same canonical form. Names are not
// resolved for that: localhost is not 127.0.0.1.
type Address struct {
	network string // "tcp", "udp" or "unix"
	host    string // canonical; "" for all addresses
	port    uint16
	path    string // of a Unix socket, absolute and clean
}

// Network returns "tcp", "udp" or "unix", as package net has it.
func (a Address) Network() string { return a.network }

// Host returns the host without brackets: a name, an IP address, with its zone if it has one, or ""
// for all addresses. It is "" for a Unix socket too.
func (a Address) Host() string { return a.host }

// Port returns the port. 0 lets the system choose one. It is 0 for a Unix socket too.
func (a Address) Port() int { return int(a.port) }

// Path returns the path of a Unix socket, and "" for another address.
func (a Address) Path() string { return a.path }

// String returns the canonical form, with the scheme. ParseAddress reads it back to an equal
// Address.
func (a Address) String() string { return a.network + "://" + a.target() }

// family returns the network as package net wants it: without the 4, it takes 0.0.0.0 for all IPv6
// addresses too.
func (a Address) family() string {
	if ip, err := netip.ParseAddr(a.host); err == nil && ip.Is4() {
		return a.network + "4"
	}
	return a.network
}

// target returns the address in the form that package net takes.
func (a Address) target() string {
	if a.network == "unix" {
		return a.path
	}
	return net.JoinHostPort(a.host, strconv.Itoa(int(a.port)))
}

// ParseAddress reads an address in one of these forms:
//
//	tcp://HOST:PORT
//	udp://HOST:PORT
//	HOST:PORT        the same as tcp://HOST:PORT
//	unix:///PATH     a stream socket at an absolute path
//
// HOST is a name, an IPv4 address, or an IPv6 address in brackets, with a zone if it is link-local:
// [fe80::1%eth0]:7. Without HOST it is all addresses of the machine, IPv6 and IPv4, in one socket
// where the system has such (OpenBSD and DragonFly do not: IPv4 alone there, as on a machine
// without IPv6). [::] is the same, and all IPv6 addresses alone where the system has no such
// sockets. 0.0.0.0 is all IPv4 addresses. Multicast addresses and the broadcast address are
// refused: an answer cannot come from there.
//
// PORT is a number from 0 to 65535, 0 for one that the system chooses, or a name of services(5),
// which becomes its number. PATH is taken as it is, % included, made free of //, /./ and /../, and
// must fit into a socket address, see unix(7). Linux's abstract sockets are not served: anybody
// could take their names, and no file mode guards them.
//
// No name is looked up but that of a port. An error says what is wanted, and not
// again what text was.
func ParseAddress(text string) (Address, error) {
	network, rest, found := strings.Cut(text, "://")
	if !found {
		network, rest = "tcp", text
	}
	switch network {
	case "tcp", "udp":
		return parseHostPort(network, rest)
	case "unix":
		return parseSocketPath(rest)
	}
	return Address{}, fmt.Errorf("scheme %q is not served: want tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or HOST:PORT", network)
}

func parseSocketPath(text string) (Address, error) {
	clean := path.Clean(text)
	switch {
	case strings.HasPrefix(text, "@"):
		return Address{}, errors.New("abstract sockets are not served: want unix:///PATH")
	case !strings.HasPrefix(text, "/"):
		return Address{}, errors.New("the path is not absolute: want unix:///PATH")
	case strings.HasSuffix(text, "/"), strings.HasSuffix(text, "/."), strings.HasSuffix(text, "/.."):
		return Address{}, errors.New("the path is that of a directory: want unix:///PATH of a socket")
	case strings.ContainsRune(text, 0):
		return Address{}, errors.New("the path has a byte 0 in it: want unix:///PATH")
	case len(clean) > MaxSocketPath:
		return Address{}, fmt.Errorf("the path has %d bytes: want %d at most", len(clean), MaxSocketPath)
	}
	return Address{network: "unix", path: clean}, nil
}

func parseHostPort(network, text string) (Address, error) {
	want := "want " + network + "://HOST:PORT"
	if network == "tcp" {
		want += " or HOST:PORT"
	}
	host, portText, err := net.SplitHostPort(text)
	var problem *net.AddrError
	if errors.As(err, &problem) {
		return Address{}, fmt.Errorf("%s: %s, an IPv6 address in brackets", problem.Err, want)
	}
	port, err := parsePort(network, portText)
	if err != nil {
		return Address{}, fmt.Errorf("%w: %s", err, want)
	}
	bracketed := strings.HasPrefix(text, "[")
	if host == "" && bracketed {
		return Address{}, fmt.Errorf("empty brackets: %s", want)
	}
	if host, err = parseHost(host, bracketed); err != nil {
		return Address{}, err
	}
	return Address{network: network, host: host, port: port}, nil
}

// parsePort is stricter than net.LookupPort, which takes "+7" and "" as well.
func parsePort(network, text string) (uint16, error) {
	if text == "" {
		return 0, errors.New("no port")
	}
	if strings.Trim(text, "0123456789") == "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("port %s is more than 65535", text)
		}
		return uint16(n), nil
	}
	letter := strings.ContainsFunc(text, isLetter)
	n, err := net.LookupPort(network, text)
	if err != nil || !letter || strings.ContainsFunc(text, notInName) {
		return 0, fmt.Errorf("port %q is neither a number from 0 to 65535 nor a service of services(5)", text)
	}
	return uint16(n), nil
}

// parseHost returns the canonical form of a host.
func parseHost(host string, bracketed bool) (string, error) {
	if host == "" {
		return "", nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4() && bracketed:
		return "", errors.New("an IPv4 address in brackets: want it without")
	case err == nil:
		return canonicalIP(ip)
	case bracketed:
		return "", fmt.Errorf("%q is no IPv6 address: want one in brackets", host)
	}
	return canonicalName(host)
}

func canonicalIP(ip netip.Addr) (string, error) {
	unzoned := ip.WithZone("")
	switch {
	case ip.Is4In6() && ip.Zone() != "":
		return "", fmt.Errorf("%s has a zone: an IPv4 address has none", ip)
	case ip.Unmap().IsMulticast(), unzoned.Unmap() == broadcast():
		return "", fmt.Errorf("%s is not an address of one machine: want one to answer from", ip)
	case ip.IsLinkLocalUnicast() && ip.Is6() && !ip.Is4In6() && ip.Zone() == "":
		return "", fmt.Errorf("%s is link-local: want its zone too, as in [%s%%eth0]", ip, ip)
	case strings.ContainsFunc(ip.Zone(), notInZone):
		return "", fmt.Errorf("zone %q is no name of an interface", ip.Zone())
	}
	return ip.Unmap().String(), nil
}

// canonicalName takes what can be a host name after RFC 1123, and underscores, which some have. A
// name whose last label is a number would be an IPv4 address to some, such as 127.1, and to others
// not.
func canonicalName(host string) (string, error) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" && last != "" || strings.HasPrefix(last, "0x") || strings.HasPrefix(last, "0X") {
		return "", fmt.Errorf("host %q is neither a name nor a whole IPv4 address", host)
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || len(host) > 254 || strings.HasPrefix(label, "-") || strings.ContainsFunc(label, notInName) {
			return "", fmt.Errorf("host %q is neither a name nor an IP address", host)
		}
	}
	return strings.ToLower(host), nil
}

// broadcast returns the limited broadcast address.
func broadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func notInName(r rune) bool { return !isLetter(r) && (r < '0' || r > '9') && r != '-' && r != '_' }

// notInZone refuses what no interface is called (see dev_valid_name in Linux) and what
// would be read back otherwise.
func notInZone(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:[]%", r) }
