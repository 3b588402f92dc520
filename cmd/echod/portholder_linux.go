package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"echod/server"
)

// portHolders names the processes that listen at an address, or at one that includes it, as
// far as /proc shows them to the caller: "pid 12 (nginx)".
func portHolders(a server.Address) []string {
	inodes := boundInodes(a)
	if len(inodes) == 0 {
		return nil
	}
	var holders []string
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !slices.Contains(inodes, target) {
			continue
		}
		pid := strings.Split(link, "/")[2]
		comm, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
		holders = append(holders, fmt.Sprintf("pid %s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	slices.Sort(holders)
	return slices.Compact(holders)
}

// bound tells what of /proc/net shows a socket that keeps others from an address: a TCP socket that
// listens (state 0A), a UDP socket without a peer (07).
var bound = map[string]struct {
	tables []string
	state  string
}{
	"tcp": {[]string{"/proc/net/tcp", "/proc/net/tcp6"}, "0A"},
	"udp": {[]string{"/proc/net/udp", "/proc/net/udp6"}, "07"},
}

// boundInodes returns the sockets, as links in /proc/PID/fd show them, that are bound to
// the port at the host or at all addresses.
func boundInodes(a server.Address) []string {
	var inodes []string
	for _, table := range bound[a.Network()].tables {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		defer f.Close()
		for scanner := bufio.NewScanner(f); scanner.Scan(); {
			fields := strings.Fields(scanner.Text())
			if len(fields) > 9 && fields[3] == bound[a.Network()].state && listensAt(fields[1], a.Host(), strconv.Itoa(a.Port())) {
				inodes = append(inodes, "socket:["+fields[9]+"]")
			}
		}
	}
	return inodes
}

// listensAt compares an address of /proc/net/tcp, such as 0100007F:0007, with a host and a port. A
// host that is no number is taken to match.
func listensAt(local, host, port string) bool {
	hexIP, hexPort, _ := strings.Cut(local, ":")
	n, err := strconv.ParseUint(hexPort, 16, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return false
	}
	listening, ok := kernelAddress(hexIP)
	wanted, err := netip.ParseAddr(host)
	return !ok || err != nil || listening.IsUnspecified() || wanted.IsUnspecified() || listening == wanted.Unmap()
}

// kernelAddress decodes the kernel's form: words of 32 bits in the byte order of the machine,
// taken for little-endian here. Elsewhere no address but the unspecified is recognised.
func kernelAddress(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return netip.Addr{}, false
	}
	for i := 0; i+4 <= len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	ip, ok := netip.AddrFromSlice(b)
	return ip.Unmap(), ok
}
