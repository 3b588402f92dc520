package server

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// lingerCheck is how often the loop looks whether clients whose sessions were ended have
// got everything: no event tells.
const lingerCheck = 20 * time.Millisecond

// A leaver is a client whose session the server has ended. It may be gone meanwhile.
type leaver struct {
	*epollClient
	closeBy time.Duration // when it has to be gone
}

// end is part of client.
func (c *epollClient) end(why reason) bool {
	if !c.ending.CompareAndSwap(uint32(reasonNone), uint32(why)) {
		return false
	}
	c.leave()
	return true
}

// leave makes the loop that has the client end its session, even if the client moves to another one meanwhile.
func (c *epollClient) leave() {
	l := c.loop.Load()
	l.do(func() {
		if c.loop.Load() != l {
			c.leave()
		} else {
			l.endSession(c)
		}
	})
}

// endSession stops reading from the client and gives it the time to take what it was sent. It has
// no effect if the client is gone or leaving, or not yet here.
func (l *loop) endSession(c *epollClient) {
	if l.clients.at(c.fd) != c || c.left {
		return
	}
	c.left = true
	l.idle.remove(c)
	l.leaving = append(l.leaving, leaver{c, l.now + closeGrace})
	if c.pending == nil {
		l.halfClose(c)
	}
}

// halfClose tells the client that nothing more will come. The connection itself is closed when
// the client's system has everything, for a TCP connection that is closed with
// bytes unread is reset, and what was under way to the client is lost.
func (l *loop) halfClose(c *epollClient) {
	unix.Shutdown(int(c.fd), unix.SHUT_WR)
	l.discard(c)
}

// discard drops what the client still sends, and closes the connection when the client has or when it has
// got everything.
func (l *loop) discard(c *epollClient) {
	for range 16 {
		n, errno := receive(c.fd, l.buf[:])
		if n > 0 {
			continue
		}
		if again(errno) && c.local.network == "tcp" && unsentBytes(c.fd) > 0 {
			return
		}
		l.finish(c, nil)
		return
	}
}

// finish closes the connection and ends the session. err is what made it end, nil if the server wanted it.
func (l *loop) finish(c *epollClient, err error) {
	why := reason(c.ending.Load())
	if err != nil {
		why = reasonFor(err)
		c.ending.Store(uint32(why))
	}
	l.forget(c)
	closeSocket(c.fd)
	l.drop(c)
	l.publish()
	l.engine.server.dismiss(&c.session, why, err)
}

// forget takes the client out of everything that belongs to the loop.
func (l *loop) forget(c *epollClient) {
	l.clients.put(c.fd, nil)
	l.load.Add(-1)
	l.idle.remove(c)
}

// expire does what it is time for: it ends the sessions whose time is over.
func (l *loop) expire() {
	l.lookAtWindows()
	if timeout := l.engine.server.IdleTimeout; timeout > 0 {
		for c := l.idle.oldest; c != nil && c.lastActivity()+timeout <= l.now; c = l.idle.oldest {
			l.finish(c, os.ErrDeadlineExceeded)
		}
	}
	if len(l.leaving) == 0 || l.now < l.checkAt {
		return
	}
	l.checkAt = l.now + lingerCheck
	l.leaving = slices.DeleteFunc(l.leaving, func(v leaver) bool {
		c := v.epollClient
		switch {
		case l.clients.at(c.fd) != c:
			return true
		case v.closeBy <= l.now:
			l.finish(c, nil)
		case c.pending == nil:
			l.discard(c)
		}
		return l.clients.at(c.fd) != c
	})
}

// patience is how many milliseconds the loop may wait for events at the time now, -1 for no limit.
func (l *loop) patience(now time.Duration) int {
	until := time.Duration(-1)
	if c := l.idle.oldest; c != nil {
		until = c.lastActivity() + l.engine.server.IdleTimeout
	}
	if len(l.leaving) > 0 && (until < 0 || l.checkAt < until) {
		until = l.checkAt
	}
	if l.load.Load() > 0 && (until < 0 || l.windowsAt < until) {
		until = l.windowsAt
	}
	if until < 0 {
		return -1
	}
	wait := max(0, until-now)
	return int((wait + time.Millisecond - 1) / time.Millisecond)
}
