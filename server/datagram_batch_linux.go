package server

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchLen is how many datagrams one system call receives or sends, at most. With 64 clients, twice
// or four times as many were no cheaper, and one at a time cost 6 % more.
const batchLen = 16

// A datagramBatch moves datagrams through a few buffers, as many at a time as there are. The kernel
// writes to slots, so they stay where they are: in memory that is never copied. A batch is of one
// socket at a time, while there is something to do; see batchServer.
type datagramBatch struct {
	*datagramSocket
	arrivals bool // the kernel tells where each datagram arrived
	slots    [batchLen]datagramSlot
	received [batchLen]mmsghdr
	answers  [batchLen]mmsghdr
	left     []*datagramSlot // with an answer to be sent: the first ones in answers
	err      error           // what ended receiving
}

// A datagramSlot is room for a datagram and for what the kernel says of it.
type datagramSlot struct {
	name    unix.RawSockaddrAny
	control [arrivalSpace / 8]uint64 // aligned for unix.Cmsghdr
	iov     unix.Iovec
	size    int            // of the datagram, and then of the answer
	from    netip.AddrPort // name, decoded
}

// An mmsghdr is what recvmmsg(2) and sendmmsg(2) call so.
type mmsghdr struct {
	unix.Msghdr
	size uint32
}

func newDatagramBatch() *datagramBatch {
	b := &datagramBatch{left: make([]*datagramSlot, 0, batchLen)}
	buf := make([]byte, batchLen*datagramBuffer) // of which the system provides what is used
	for i := range b.slots {
		slot, m := &b.slots[i], &b.received[i]
		slot.iov.Base = &buf[i*datagramBuffer]
		m.Name = (*byte)(unsafe.Pointer(&slot.name))
		m.Iov = &slot.iov
		m.SetIovlen(1)
	}
	return b
}

// drain answers what there is. It returns false when there is nothing left, true when it is not to
// be called again at once.
func (b *datagramBatch) drain(fd uintptr) bool {
	for !b.stopping.Load() {
		n, errno := b.receive(fd)
		switch {
		case errno == syscall.EAGAIN:
			b.progress.waiting()
			return false
		case errno != 0:
			if !b.goesOn(errno) {
				b.err = os.NewSyscallError("recvmmsg", errno)
				return true
			}
			continue
		}
		b.begin()
		for i := range n {
			b.take(&b.slots[i], &b.received[i])
		}
		sent := b.flush(fd)
		b.publish()
		if !sent {
			return true
		}
	}
	return true
}

// receive takes datagrams into the first slots and returns how many. MSG_TRUNC makes the kernel
// tell the size of one that was cut.
func (b *datagramBatch) receive(fd uintptr) (int, syscall.Errno) {
	for i := range b.received {
		slot, m := &b.slots[i], &b.received[i]
		m.Namelen = unix.SizeofSockaddrAny
		slot.iov.SetLen(datagramBuffer)
		if b.arrivals {
			m.Control = (*byte)(unsafe.Pointer(&slot.control))
			m.SetControllen(arrivalSpace)
		}
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.received)), batchLen,
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// take decides about a datagram that was received, and puts it among the answers if it is to be
// sent back.
func (b *datagramBatch) take(slot *datagramSlot, m *mmsghdr) {
	slot.size, slot.from = int(m.size), ipOf(&slot.name)
	control := unsafe.Slice((*byte)(unsafe.Pointer(&slot.control)), arrivalSpace)
	var at arrival
	if b.arrivals {
		at = readArrival(control[:m.Controllen])
	}
	payload := unsafe.Slice(slot.iov.Base, min(slot.size, datagramBuffer))
	if !b.accept(payload, slot.size, slot.from, at) {
		return
	}
	answered, ok := b.answerTo(unsafe.Slice(slot.iov.Base, datagramBuffer), slot.size, nil)
	if !ok {
		return
	}
	slot.size = len(answered) // in the same place
	slot.iov.SetLen(slot.size)
	answer := &b.answers[len(b.left)]
	*answer = mmsghdr{Msghdr: unix.Msghdr{Name: m.Name, Namelen: m.Namelen, Iov: m.Iov, Iovlen: m.Iovlen}}
	if n := writeDeparture(control, at); n > 0 {
		answer.Control = m.Control
		answer.SetControllen(n)
	}
	b.left = append(b.left, slot)
}

// flush sends the answers. It returns false if the kernel has no room yet for the answers that are
// left.
func (b *datagramBatch) flush(fd uintptr) bool {
	next := 0
	for next < len(b.left) {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.answers[next])),
			uintptr(len(b.left)-next), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			for _, slot := range b.left[next : next+int(n)] {
				b.answered(slot.size, slot.from, nil)
			}
			next += int(n)
		case syscall.EAGAIN:
			copy(b.answers[:], b.answers[next:len(b.left)])
			b.left = b.left[:copy(b.left, b.left[next:])]
			return false
		default: // it is about the first of them
			b.answered(b.left[next].size, b.left[next].from, errno)
			next++
		}
	}
	b.left = b.left[:0]
	return true
}

// drop gives up the answers that are left.
func (b *datagramBatch) drop(err error) {
	for _, slot := range b.left {
		b.answered(slot.size, slot.from, err)
	}
	b.left = b.left[:0]
}
