package xinetd

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Address is one entry of only_from or no_access: a prefix, or a name.
type Address struct {
	Prefix netip.Prefix // not valid if Name is set
	// Name is a host, or with a leading dot a domain, in lower case. The client's name is
	// compared with it. A name that cannot be looked up must not open no_access.
	Name string
}

func (a Address) String() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Prefix.String()
}

// parseAddress reads an address in any form of xinetd. Most are one Address; braces are several.
// doubt says what xinetd makes of a form that looks like more than it is.
func parseAddress(text string, o Options) (list []Address, doubt string, err error) {
	switch {
	case strings.Contains(text, ","), strings.Contains(text, "{"):
		list, err = parseBraces(text)
	case strings.Contains(text, "/"):
		list, err = parsePrefix(text)
	case strings.Contains(text, ":"):
		list, err = parseIPv6(text)
	case strings.Trim(text, "0123456789.") == "":
		return parseIPv4(text)
	default:
		list, err = parseName(text, o)
	}
	return list, "", err
}

// parseIPv4 reads digits and dots. Octets of 0 at the end are wildcards: 10.1.0.0 is 10.1.0.0/16.
func parseIPv4(text string) ([]Address, string, error) {
	parts := strings.Split(text, ".")
	octets, err := parseOctets(parts)
	if err != nil {
		return nil, "", err
	}
	doubt := ""
	if len(parts) < 4 {
		// inet_aton(3) puts the last number at the end, and the zeros before it.
		whole := [4]byte{3: octets[len(parts)-1]}
		copy(whole[:], octets[:len(parts)-1])
		doubt = fmt.Sprintf("it means the address %s alone, and not the network %s.0/%d",
			netip.AddrFrom4(whole), text, 8*len(parts))
		octets = whole
	}
	bits := 32
	for bits > 0 && octets[bits/8-1] == 0 {
		bits -= 8
	}
	return one(netip.PrefixFrom(netip.AddrFrom4(octets), bits)), doubt, nil
}

func parseOctets(parts []string) (octets [4]byte, err error) {
	if len(parts) > len(octets) {
		return octets, errors.New("an IPv4 address has four numbers")
	}
	for i, part := range parts {
		if len(part) > 1 && part[0] == '0' {
			return octets, fmt.Errorf("number %s has a leading zero, which xinetd takes as octal", plain(part))
		}
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return octets, fmt.Errorf("number %q is not one of 0 to 255", plain(part))
		}
		octets[i] = byte(n)
	}
	return octets, nil
}

// parseBraces reads 10.1.{2,3}: braces are the last part, and the parts after it are wildcards.
func parseBraces(text string) ([]Address, error) {
	head, rest, open := strings.Cut(text, "{")
	inner, tail, closed := strings.Cut(rest, "}")
	switch {
	case !open:
		return nil, errors.New("it has a comma in it: blanks are between addresses")
	case !closed || tail != "":
		return nil, errors.New("braces have to be the last part of an IPv4 address")
	}
	parts := strings.Split(head, ".")
	if len(parts) < 2 || parts[len(parts)-1] != "" {
		return nil, errors.New("braces have to follow a dot")
	}
	var list []Address
	for last := range strings.SplitSeq(inner, ",") {
		parts[len(parts)-1] = last
		octets, err := parseOctets(parts)
		if err != nil {
			return nil, err
		}
		bits := 8 * len(parts)
		for bits > 0 && octets[bits/8-1] == 0 {
			bits -= 8
		}
		list = append(list, Address{Prefix: netip.PrefixFrom(netip.AddrFrom4(octets), bits)})
	}
	return list, nil
}

func parsePrefix(text string) ([]Address, error) {
	host, mask, _ := strings.Cut(text, "/")
	if strings.Contains(mask, ".") {
		if bits, ok := maskBits(mask); ok {
			return nil, fmt.Errorf("xinetd does not know masks: write %s/%d", plain(host), bits)
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil && !strings.Contains(host, ":") {
		return nil, errors.New("a full address has to stand before the slash")
	}
	if err != nil || a.Zone() != "" {
		return nil, errors.New("it is no IPv6 prefix")
	}
	bits, err := strconv.Atoi(mask)
	if err != nil || bits < 0 || bits > a.BitLen() {
		return nil, fmt.Errorf("a number from 0 to %d has to stand after the slash", a.BitLen())
	}
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	return one(netip.PrefixFrom(a, bits)), nil
}

// one is a prefix as a list. A prefix of IPv6 that covers the mapped addresses covers IPv4, as
// xinetd sees IPv4 clients with a mapped address on its sockets for both families.
func one(p netip.Prefix) []Address {
	p = p.Masked()
	list := []Address{{Prefix: p}}
	mapped := netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff})
	if p.Addr().Is6() && p.Bits() <= 96 && p.Contains(mapped) {
		list = append(list, Address{Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)})
	}
	return list
}

func maskBits(mask string) (int, bool) {
	a, err := netip.ParseAddr(mask)
	if err != nil || !a.Is4() {
		return 0, false
	}
	for bits := range 33 {
		if p, _ := netip.AddrFrom4([4]byte{255, 255, 255, 255}).Prefix(bits); p.Addr() == a {
			return bits, true
		}
	}
	return 0, false
}

func parseIPv6(text string) ([]Address, error) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no IPv6 address")
	case a.Zone() != "":
		return nil, errors.New("a zone is not possible here")
	case a.IsUnspecified():
		return nil, errors.New("it means no client: write ::/0 for all")
	}
	a = a.Unmap()
	return one(netip.PrefixFrom(a, a.BitLen())), nil
}

// parseName reads a host, a domain or the name of a network. Words that other programs take for
// all clients are refused: as names they would match no client.
func parseName(text string, o Options) ([]Address, error) {
	for _, wildcard := range []string{"ALL", "ANY", "LOCAL", "KNOWN", "UNKNOWN", "PARANOID"} {
		if strings.EqualFold(text, wildcard) {
			return nil, errors.New("xinetd has no such word: 0.0.0.0/0 and ::/0 are all clients")
		}
	}
	if err := checkHost(strings.TrimPrefix(text, ".")); err != nil {
		return nil, err
	}
	if o.LookupNetwork != nil {
		if network, ok := o.LookupNetwork(text); ok {
			return one(network), nil
		}
	}
	return []Address{{Name: strings.ToLower(text)}}, nil
}

// checkHost refuses what no host can be named.
func checkHost(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if name == "" || len(name) > 255 || strings.Trim(name, letters) != "" || strings.Trim(name, "0123456789.") == "" {
		return errors.New("it is neither an address nor the name of a host")
	}
	if strings.HasPrefix(strings.ToLower(name), "0x") {
		return errors.New("xinetd takes it as a hexadecimal address")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool { return !strings.ContainsRune(letters, r) }) {
			return errors.New("it is neither an address nor the name of a host")
		}
	}
	return nil
}
