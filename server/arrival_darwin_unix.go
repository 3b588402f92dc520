//go:build darwin

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

func writeDeparture4(control []byte, from netip.Addr, index uint32) int {
	n, data := controlMessage(control, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Ifindex: index, Spec_dst: from.As4()}
	return n
}
