//go:build dragonfly || freebsd || netbsd || openbsd

package server

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

const arrivalOption4 = unix.IP_RECVDSTADDR

// readArrival4 reads a struct in_addr: the destination in the header.
func readArrival4(data []byte) arrival {
	if len(data) < 4 {
		return arrival{}
	}
	to := netip.AddrFrom4([4]byte(data))
	return arrival{to: to, foreign: notUnicast(to)}
}

// writeDeparture4 goes without the interface. IP_SENDSRCADDR, which sets the source, is the same
// number as IP_RECVDSTADDR on all of these.
func writeDeparture4(control []byte, from netip.Addr, _ uint32) int {
	n, data := controlMessage(control, unix.IPPROTO_IP, unix.IP_RECVDSTADDR, 4)
	*(*[4]byte)(data) = from.As4()
	return n
}
