package probe

import (
	"io"

	"golang.org/x/sys/unix"
)

// free tells whether s could begin its next message now.
func (e *epoll) free(s *sock) bool {
	switch e.p.Mode {
	case Connect:
		return s.state == stateClosed && !s.pending
	case Stream:
		return s.state == stateOpen && s.toSend == 0
	}
	return s.state == stateOpen && s.toReceive == 0
}

// next begins the next message of s, which must be free, unless the load is
// over or the message is not due yet.
func (e *epoll) next(s *sock, now int64) (begun bool) {
	if e.ended || e.p.ended(now) {
		return false
	}
	due := now
	if e.p.open() {
		if due = e.p.due(s.id, s.round); due > now {
			return false
		}
	}
	s.round++
	if e.p.Mode == Stream && !e.p.open() {
		e.sample(s, now)
	} else {
		s.due = due
	}
	if e.p.Mode == Connect {
		s.pending = true
		e.open(s, now)
	} else {
		e.send(s, now)
	}
	return true
}

// sample takes the latency of the message just begun, if no other one's is
// being taken.
func (e *epoll) sample(s *sock, now int64) {
	if !s.sampling {
		s.sampling, s.sampled, s.due = true, s.round, now
	}
}

// send begins to send a message.
func (e *epoll) send(s *sock, now int64) {
	s.toSend += e.p.Size
	s.toReceive += e.p.Size
	if !e.p.stream {
		s.datagram++
		s.sendAt = origin(s.id, s.datagram)
	}
	if !s.waits {
		e.waiting.wait(s.index, now)
	}
	e.push(s)
}

// push sends as much as the socket takes in one call.
func (e *epoll) push(s *sock) {
	n, errno := sendRaw(s.fd, e.p.pattern.window(s.sendAt, s.toSend))
	switch errno {
	case 0:
		s.sendAt = advance(s.sendAt, n)
		s.toSend -= n
	case unix.EAGAIN, unix.EINTR:
		e.want(s, unix.EPOLLIN|unix.EPOLLOUT)
		return
	default:
		e.fail(s, errno)
		return
	}
	if s.toSend > 0 || e.pours() {
		e.want(s, unix.EPOLLIN|unix.EPOLLOUT)
	} else {
		e.want(s, unix.EPOLLIN)
	}
}

// pours tells whether sockets send whenever they can.
func (e *epoll) pours() bool { return e.p.Mode == Stream && !e.p.open() && !e.ended }

// writable goes on sending on s.
func (e *epoll) writable(s *sock) {
	if s.toSend > 0 {
		e.push(s)
		if e.p.Mode != Stream || !e.p.open() {
			return
		}
	}
	for e.free(s) && e.next(s, e.p.now()) {
		if e.pours() {
			return // the other sockets have their turn
		}
	}
	if s.state == stateOpen && s.toSend == 0 {
		e.want(s, unix.EPOLLIN)
	}
}

// receive takes what has come back on s and compares it.
func (e *epoll) receive(s *sock) {
	n, errno := receiveRaw(s.fd, e.buf)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		e.fail(s, errno)
	case !e.p.stream:
		e.receiveDatagram(s, e.buf[:n])
	case n == 0:
		e.fail(s, io.EOF)
	case n > s.toReceive-s.toSend || !e.p.pattern.equal(e.buf[:n], s.receiveAt):
		e.fail(s, errCorrupt)
	default:
		s.receiveAt = advance(s.receiveAt, n)
		s.toReceive -= n
		e.received(s, n, e.p.now())
	}
}

// received goes on after n more bytes of s have come back.
func (e *epoll) received(s *sock, n int, now int64) {
	if e.p.Mode == Stream {
		e.streamed(s, n, now)
	} else if s.toReceive == 0 {
		e.complete(s, now)
		return
	}
	if s.toReceive > 0 {
		e.waiting.wait(s.index, now)
	} else {
		e.waiting.remove(s.index)
	}
}

// complete counts the only message that was on its way on s, and begins the next.
func (e *epoll) complete(s *sock, now int64) {
	e.waiting.remove(s.index)
	e.t.echoed(e.p, 1, now)
	e.t.took(e.p, s.due, now)
	switch {
	case e.p.Mode == Connect:
		e.shut(s)
		e.next(s, now)
	case e.p.Mode != Idle:
		e.next(s, now)
	case e.ended:
		e.askNext()
	}
}

// streamed counts the messages that the last n bytes of a stream completed.
func (e *epoll) streamed(s *sock, n int, now int64) {
	onTheWay := func(bytes int) uint64 { return uint64((bytes + e.p.Size - 1) / e.p.Size) }
	before, after := onTheWay(s.toReceive+n), onTheWay(s.toReceive)
	e.t.echoed(e.p, before-after, now)
	if e.p.open() {
		for ; before > after; before-- {
			e.t.took(e.p, e.p.due(s.id, s.round-before), now)
		}
	} else if s.sampling && s.round-after >= s.sampled {
		e.t.took(e.p, s.due, now)
		s.sampling = false
	}
}

// receiveDatagram finds out which datagram has come back.
func (e *epoll) receiveDatagram(s *sock, data []byte) {
	switch age := e.p.pattern.age(data, e.p.Size, s.id, s.datagram); {
	case age < 0:
		e.fail(s, errCorrupt)
	case age > 0 || !s.waits:
		e.t.fail(errLate)
	default:
		s.toReceive = 0
		e.complete(s, e.p.now())
	}
}
