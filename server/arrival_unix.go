//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arrivalSpace is room for the control messages about where a datagram arrived: at most one for
// each version of IP.
const arrivalSpace = 128

// receiveArrivals has the kernel say with every datagram which address it was sent to (RFC 3542,
// section 6; ip(7), ipv6(7)). An IPv6 socket may take both options, an IPv4 socket takes one.
func receiveArrivals(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var err4, err6 error
	err = raw.Control(func(fd uintptr) {
		err4 = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, arrivalOption4, 1)
		err6 = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
	if err == nil && err4 != nil && err6 != nil {
		err = os.NewSyscallError("setsockopt", errors.Join(err4, err6))
	}
	return err
}

// forbidBroadcast has the kernel refuse to send to a broadcast address, of any network, should one
// have been forged as a source. Package net had it allow that.
func forbidBroadcast(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var errOption error
	err = raw.Control(func(fd uintptr) {
		errOption = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0))
	})
	return errors.Join(err, errOption)
}

// readArrival finds out of control messages where a datagram arrived. One about IPv4 says more than
// one about an IPv6 address that stands for an IPv4 address.
func readArrival(control []byte) arrival {
	var at arrival
	for len(control) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == arrivalOption4:
			return readArrival4(data)
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			at = arrival{to: netip.AddrFrom16(info.Addr), index: info.Ifindex}
			at.foreign = notUnicast(at.to.Unmap())
		}
		control = rest
	}
	return at
}

// writeDeparture makes a control message out of where a datagram arrived, by which the answer
// leaves from there, and returns its length: 0 if nothing is known. The interface is fixed only
// where an address means nothing without it: otherwise the way back may be another one.
func writeDeparture(control []byte, at arrival) int {
	var index uint32
	if at.to.Unmap().IsLinkLocalUnicast() {
		index = at.index
	}
	switch {
	case at.to.Is4():
		return writeDeparture4(control, at.to, index)
	case at.to.Is6():
		n, data := controlMessage(control, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		info := (*unix.Inet6Pktinfo)(data)
		info.Addr = at.to.As16()
		info.Ifindex = index
		return n
	}
	return 0
}

// controlMessage writes the header of a control message with size bytes of data, and returns the
// whole length and where the data goes.
func controlMessage(control []byte, level, kind int32, size int) (int, unsafe.Pointer) {
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	header.Level, header.Type = level, kind
	header.SetLen(unix.CmsgLen(size))
	return unix.CmsgSpace(size), unsafe.Pointer(&control[unix.CmsgLen(0)])
}
