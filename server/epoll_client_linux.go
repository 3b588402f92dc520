package server

import (
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// An epollClient is a client of a loop. There may be very many that do nothing, so it is small, and
// the order of its fields matters: the fields that every message needs are in one cache line, the
// first.
type epollClient struct {
	fd           int32
	ending       atomic.Uint32               // the reason for which the session is to end, or has ended
	at           atomic.Pointer[loopService] // the loop that serves it; changed by that loop only
	pending      *pending                    // nil if it has taken all it was sent
	stage        stage
	polled       bool // it is in loop.polled, not in loopService.idle
	kind         Builtin
	lifted       bool   // TCP_USER_TIMEOUT was taken away: see fitUserTimeout
	acknowledged uint32 // if polled: how much of sent had reached its system at the last poll; the low bits
	session

	older, newer *epollClient // neighbours in an ageList
}

// A pending is what a client has sent, but not taken. It is not read from until it has.
type pending struct {
	rest   []byte
	buffer []byte // what rest is part of
}

// adopt takes over a client, new or from another loop.
func (l *loop) adopt(c *epollClient) {
	l.clients.put(c.fd, c)
	l.load.Add(1)
	g := l.of(c.service)
	c.at.Store(g)
	if g.timeout > 0 {
		g.enlist(c)
	}
	if errno := setInterest(l.epfd, unix.EPOLL_CTL_ADD, c.fd, c.interest()); errno != 0 {
		l.finish(c, os.NewSyscallError("epoll_ctl", errno))
		return
	}
	switch {
	case c.ending.Load() != uint32(reasonNone):
		l.endSession(c) // end was called while the client belonged to no loop
	case c.kind.answersOnce():
		l.answerOnce(c)
	}
}

// interest returns the events that a client is watched for until its end begins.
func (c *epollClient) interest() uint32 {
	switch {
	case c.pending != nil, c.stage == stageSilent:
		return unix.EPOLLOUT
	case c.kind == Chargen:
		return unix.EPOLLIN | unix.EPOLLOUT
	}
	return unix.EPOLLIN
}

// serve does what can be done for a client that epoll has reported: an error shows up in the call
// that is tried.
func (l *loop) serve(c *epollClient) {
	switch {
	case c.pending != nil:
		l.flush(c)
	case c.stage >= stageOwed:
		l.drain(c)
	case c.kind == Echo:
		l.echo(c)
	case c.kind == Chargen:
		l.generate(c)
	default:
		if l.read(c) > 0 { // and drop it
			l.moved(c, 0)
		}
	}
}

// read reads once, into l.buf. It returns 0 if there was nothing, or the client has sent its last
// byte, or the session has ended. Reading on until there is no more would let a client that sends
// fast keep all others waiting.
func (l *loop) read(c *epollClient) int {
	n, errno := receive(c.fd, l.buf[:])
	if n == 0 {
		if errno == 0 {
			l.clientEnded(c)
		} else if !again(errno) {
			l.finish(c, os.NewSyscallError("recv", errno))
		}
		return 0
	}
	c.countReceived(n, l.now)
	g := c.at.Load()
	g.received += uint64(n)
	g.changed()
	return n
}

// echo reads once and sends what it read.
func (l *loop) echo(c *epollClient) {
	n := l.read(c)
	if n == 0 {
		return
	}
	sent, errno := send(c.fd, l.buf[:n])
	if errno != 0 && !again(errno) {
		l.finish(c, os.NewSyscallError("send", errno))
		return
	}
	l.moved(c, sent)
	if sent < n {
		l.hold(c, l.buf[sent:n])
	}
}

// moved notes that the client has sent something, and taken n bytes.
func (l *loop) moved(c *epollClient, n int) {
	c.countSent(n, l.now)
	g := c.at.Load()
	g.sent += uint64(n)
	g.changed()
	if g.timeout > 0 && !c.polled {
		g.idle.renew(c)
	}
}

// hold keeps a copy of what the client does not take now, and waits until it takes it.
func (l *loop) hold(c *epollClient, rest []byte) {
	b := l.buffers.borrow(len(rest), l.now)
	c.pending = &pending{rest: b[:copy(b, rest)], buffer: b}
	setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLOUT)
}

// flush sends what the client is owed, or a part of it.
func (l *loop) flush(c *epollClient) {
	n, errno := send(c.fd, c.pending.rest)
	if errno != 0 {
		if !again(errno) {
			l.finish(c, os.NewSyscallError("send", errno))
		}
		return
	}
	l.moved(c, n)
	c.pending.rest = c.pending.rest[n:]
	if len(c.pending.rest) > 0 {
		return
	}
	l.drop(c)
	if c.stage >= stageOwed {
		if !c.polled {
			l.poll(c, 0)
		}
		l.halfClose(c)
		return
	}
	setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, c.interest())
}

// drop gives back the buffer of what the client did not take, if there is any.
func (l *loop) drop(c *epollClient) {
	if c.pending != nil {
		l.buffers.giveBack(c.pending.buffer, l.now)
		c.pending = nil
	}
}

// again tells that a call has to be made again later, and that nothing is wrong.
func again(errno syscall.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.EINTR
}
