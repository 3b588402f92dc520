package server

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const arrivalOption4 = unix.IP_PKTINFO

// readArrival4 reads a struct in_pktinfo. Its addr is what the datagram was sent to, spec_dst the
// address to answer from: another one if addr is not a unicast address of this machine
// (fib_compute_spec_dst in the kernel). That finds the broadcast addresses of all networks.
//
// spec_dst is 0 if the datagram came before the option was set, such as the one for which inetd(8)
// has started us. Then addr has to do: the kernel refuses to send from an address that is not its
// own.
func readArrival4(data []byte) arrival {
	if len(data) < unix.SizeofInet4Pktinfo {
		return arrival{}
	}
	info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
	to := netip.AddrFrom4(info.Addr)
	early := info.Spec_dst == [4]byte{}
	return arrival{
		to:      to,
		index:   uint32(info.Ifindex),
		foreign: notUnicast(to) || !early && info.Addr != info.Spec_dst,
	}
}

func writeDeparture4(control []byte, from netip.Addr, index uint32) int {
	n, data := controlMessage(control, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Ifindex: int32(index), Spec_dst: from.As4()}
	return n
}
