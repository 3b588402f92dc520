package server

import (
	"time"

	"golang.org/x/sys/unix"
)

// A stage is how far the end of a client has come. It only grows.
type stage uint8

const (
	stageOpen    stage = iota // it is served
	stageSilent               // it has sent all it will, and is served on: chargen
	stageOwed                 // it has sent all it will, but its system lacks some of the answers
	stageClosing              // the server ends it: it has closeGrace to take what it is owed
)

// end is part of client.
func (c *epollClient) end(why endReason) bool {
	if !c.ending.CompareAndSwap(uint32(reasonNone), uint32(why)) {
		return false
	}
	c.leave()
	return true
}

// leave makes the loop that has the client end its session, even if the client moves to another one
// meanwhile.
func (c *epollClient) leave() {
	l := c.at.Load().loop
	l.do(func() {
		if c.at.Load().loop != l {
			c.leave()
		} else {
			l.endSession(c)
		}
	})
}

// endSession stops reading from the client and gives it the time to take what it was sent. It has
// no effect if the client is gone or closing, or not yet here.
func (l *loop) endSession(c *epollClient) {
	if l.clients.at(c.fd) != c || c.stage == stageClosing {
		return
	}
	c.stage = stageClosing
	l.poll(c, l.now+closeGrace)
	if c.pending == nil {
		l.halfClose(c)
	}
}

// halfClose tells the client that nothing more will come. The connection itself is closed when the
// client's system has everything, for a TCP connection that is closed with bytes unread is reset,
// and what was under way to the client is lost.
//
// The acknowledgement of the end is an event, as something changes, but only to an edge-triggered
// watch: the socket is writable from now on, and no level-triggered one would ever wait again.
func (l *loop) halfClose(c *epollClient) {
	unix.Shutdown(int(c.fd), unix.SHUT_WR)
	setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, closingInterest)
	l.drain(c)
}

const closingInterest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET

// drain drops what the client still sends, and closes the connection when the client's system has
// got everything.
func (l *loop) drain(c *epollClient) {
	for range 16 {
		n, errno := receive(c.fd, l.buf[:])
		switch {
		case n > 0:
		case errno == 0 || again(errno):
			l.settle(c)
			return
		default:
			l.finish(c, c.cause("recv", errno))
			return
		}
	}
	// There may be more, which must wait for its turn.
	setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, closingInterest)
}

// finish closes the connection and ends the session. err is what made it end, nil if the server
// wanted it.
//
// A client that does not have all its answers is reset: so it can tell, and the kernel keeps
// nothing for it. At shutdown the kernel may go on with what it has, if that is all that there is.
func (l *loop) finish(c *epollClient, err error) {
	why := endReason(c.ending.Load())
	if err != nil {
		why = reasonFor(err)
		c.ending.Store(uint32(why))
	}
	undelivered := 0
	if why != reasonEOF {
		undelivered = l.undelivered(c)
	}
	l.forget(c)
	broken := err != nil && why != reasonIdle // the connection: there is nothing to reset
	if !broken && (c.pending != nil || undelivered > 0 && why != reasonShutdown) {
		refuseSocket(c.fd)
	} else {
		closeSocket(c.fd)
	}
	l.drop(c)
	l.publish()
	c.service.dismiss(&c.session, why, err, undelivered)
}

// undelivered returns how much of what was sent to the client has not reached its system.
func (l *loop) undelivered(c *epollClient) int {
	n := c.unacknowledged()
	if n > 0 && c.stage >= stageOwed && c.pending == nil {
		n-- // the end of the stream counts as a byte
	}
	return n
}

// forget takes the client out of everything that belongs to the loop.
func (l *loop) forget(c *epollClient) {
	l.clients.put(c.fd, nil)
	l.load.Add(-1)
	c.at.Load().idle.remove(c)
	c.polled = false
}

// expire does what it is time for: it ends the sessions that are over their time.
func (l *loop) expire() {
	l.lookAtWindows()
	l.buffers.expire(l.now)
	if l.idleAt <= l.now {
		l.expireIdle()
	}
	if len(l.polled) > 0 && l.pollAt <= l.now {
		l.pollClients()
	}
}

// patience is how many milliseconds the loop may wait for events at the time now, -1 for no limit.
func (l *loop) patience(now time.Duration) int {
	until := l.idleAt
	if len(l.polled) > 0 {
		until = min(until, l.pollAt)
	}
	if l.load.Load() > 0 {
		until = min(until, l.windowsAt)
	}
	if len(l.buffers.list) > 0 {
		until = min(until, l.buffers.expiry())
	}
	if until == never {
		return -1
	}
	wait := max(0, until-now)
	return int((wait + time.Millisecond - 1) / time.Millisecond)
}
