package server

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// publishEvery is how many datagrams a busy socket may keep to itself.
const publishEvery = 64

// echo serves the socket until it is stopped or receiving fails for good. A UDP socket is served by
// system calls that never block and that the scheduler is not told of, which is a third of the cost of
// package net's. The runtime's poller waits when there is nothing to do.
func (d *datagramSocket) echo() error {
	conn, ok := d.conn.(*net.UDPConn)
	if !ok {
		return d.echoPackets()
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	r := &rawDatagrams{datagramSocket: d, buf: make([]byte, datagramBuffer)}
	if err := forbidBroadcast(conn); err != nil {
		return err
	}
	if !d.boundToOne() {
		if err := receiveArrivals(conn); err != nil {
			return err
		}
		r.prepareMessages()
	}
	for {
		if err := raw.Read(r.drain); err != nil {
			return err
		}
		if r.waiting {
			r.waiting = false
			if err := raw.Write(r.flush); err != nil {
				r.answered(r.size, r.from, err) // there was no room until the socket was stopped
			}
		}
		if r.err != nil || d.stopping.Load() {
			return r.err
		}
	}
}

// boundToOne tells whether the socket has one address of this machine. Then it receives no broadcast or
// multicast, and the kernel answers from that address without being told.
func (d *datagramSocket) boundToOne() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	own := d.bound.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		prefix, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		ip, ok := netip.AddrFromSlice(prefix.IP)
		return ok && ip.Unmap() == own
	})
}

// rawDatagrams moves datagrams through one buffer, one after the other. The kernel writes to name and control, so
// they stay where they are: in memory that is never copied.
type rawDatagrams struct {
	*datagramSocket
	buf  []byte
	size int            // of the datagram in buf
	from netip.AddrPort // its source, also in name
	name unix.RawSockaddrAny

	message *unix.Msghdr // nil if the socket is bound to one address
	iov     unix.Iovec
	control [arrivalSpace / 8]uint64 // aligned for unix.Cmsghdr

	nameLen uint32
	waiting bool  // the answer in buf waits for room in the kernel
	err     error // what ended receiving
}

func (r *rawDatagrams) prepareMessages() {
	r.iov.Base = &r.buf[0]
	r.message = &unix.Msghdr{Iov: &r.iov, Name: (*byte)(unsafe.Pointer(&r.name))}
	r.message.SetIovlen(1)
}

// drain answers what there is. It returns false when there is nothing left, true when it is not to be called again at once.
func (r *rawDatagrams) drain(fd uintptr) bool {
	defer r.publish()
	for !r.stopping.Load() {
		at, errno := r.receive(fd)
		switch {
		case errno == syscall.EAGAIN:
			return false
		case errno != 0:
			if !r.goesOn(errno) {
				r.err = os.NewSyscallError("recvfrom", errno)
				return true
			}
			continue
		}
		if r.tally.received >= publishEvery {
			r.publish()
		}
		if !r.accept(r.size, r.from, at) {
			continue
		}
		r.setDeparture(at)
		if !r.flush(fd) {
			r.waiting = true
			return true
		}
	}
	return true
}

// flush sends the answer in buf. It returns false if the kernel has no room for it yet.
func (r *rawDatagrams) flush(fd uintptr) bool {
	switch errno := r.send(fd); errno {
	case syscall.EAGAIN:
		return false
	case 0:
		r.answered(r.size, r.from, nil)
	default:
		r.answered(r.size, r.from, errno)
	}
	return true
}

// receive takes a datagram into buf. MSG_TRUNC makes the kernel tell its size even if it was cut.
func (r *rawDatagrams) receive(fd uintptr) (arrival, syscall.Errno) {
	const flags = unix.MSG_DONTWAIT | unix.MSG_TRUNC
	if r.message == nil {
		r.nameLen = unix.SizeofSockaddrAny
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&r.buf[0])), datagramBuffer,
			flags, uintptr(unsafe.Pointer(&r.name)), uintptr(unsafe.Pointer(&r.nameLen)))
		r.size = int(n)
		r.from = r.source()
		return arrival{}, errno
	}
	r.iov.SetLen(datagramBuffer)
	r.message.Namelen = unix.SizeofSockaddrAny
	r.message.Control = (*byte)(unsafe.Pointer(&r.control))
	r.message.SetControllen(arrivalSpace)
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(r.message)), flags)
	if errno != 0 {
		return arrival{}, errno
	}
	r.size = int(n)
	r.from = r.source()
	return readArrival(r.controlBytes()[:r.message.Controllen]), 0
}

// setDeparture makes the answer to what was just received leave from where that arrived.
func (r *rawDatagrams) setDeparture(at arrival) {
	if r.message == nil {
		return
	}
	r.iov.SetLen(r.size)
	n := writeDeparture(r.controlBytes(), at)
	r.message.SetControllen(n)
	if n == 0 {
		r.message.Control = nil
	}
}

// send sends what is in buf back to name.
func (r *rawDatagrams) send(fd uintptr) syscall.Errno {
	if r.message == nil {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&r.buf[0])), uintptr(r.size),
			unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&r.name)), uintptr(r.nameLen))
		return errno
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(r.message)), unix.MSG_DONTWAIT)
	return errno
}

func (r *rawDatagrams) controlBytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&r.control)), arrivalSpace)
}

// source decodes name, without the zone, which only the kernel needs.
func (r *rawDatagrams) source() netip.AddrPort {
	switch r.name.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.name))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), hostOrder(&sa.Port))
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&r.name))
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), hostOrder(&sa.Port))
	}
	return netip.AddrPort{}
}
