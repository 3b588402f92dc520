package server

import (
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What a socket takes is not yet with the client: it may stay in the kernel for as long as the
// client does not read. The kernel reports when the last byte is acknowledged, and nothing before;
// how far it has come has to be asked.

// A poll is a client that is asked for now and then. It may be gone meanwhile, or in another stage.
type poll struct {
	*epollClient
	stage    stage         // when this was made
	deadline time.Duration // closing: when it has to be gone; else it cannot be idle before
}

// The client is asked for at these intervals at most; with a short idle timeout, at an eighth of
// that.
const (
	pollInterval    = time.Second
	closingInterval = 100 * time.Millisecond
)

func (g *loopService) pollInterval() time.Duration {
	if timeout := g.timeout; timeout > 0 {
		return min(pollInterval, max(timeout/8, time.Millisecond))
	}
	return pollInterval
}

// poll has the client asked for, in place of the list by last activity.
func (l *loop) poll(c *epollClient, deadline time.Duration) {
	c.at.Load().idle.remove(c)
	c.polled = true
	c.acknowledged = uint32(c.sent.Load()) - uint32(unsentBytes(c.fd))
	if len(l.polled) == 0 {
		l.pollAt = l.now + pollInterval
	}
	p := poll{c, c.stage, deadline}
	l.polled = append(l.polled, p)
	l.pollAt = min(l.pollAt, l.nextPoll(p))
}

// nextPoll returns when p is to be asked for next.
func (l *loop) nextPoll(p poll) time.Duration {
	if p.stage == stageClosing {
		return min(p.deadline, l.now+closingInterval)
	}
	return l.now + p.at.Load().pollInterval()
}

// pollClients asks for all that are to be asked for.
func (l *loop) pollClients() {
	l.pollAt = l.now + pollInterval
	l.polled = slices.DeleteFunc(l.polled, func(p poll) bool {
		c := p.epollClient
		current := func() bool { return l.clients.at(c.fd) == c && c.polled && c.stage == p.stage }
		if current() {
			l.ask(p)
		}
		if !current() {
			return true
		}
		l.pollAt = min(l.pollAt, l.nextPoll(p))
		return false
	})
}

// ask does what it is time for with the client of p.
func (l *loop) ask(p poll) {
	c := p.epollClient
	switch p.stage {
	case stageClosing:
		if p.deadline <= l.now {
			l.finish(c, nil)
		} else if c.pending == nil {
			l.drain(c)
		}
		return
	case stageOwed:
		if l.drain(c); l.clients.at(c.fd) != c {
			return
		}
	}
	unsent := unsentBytes(c.fd)
	if n := uint32(c.sent.Load()) - uint32(unsent); n != c.acknowledged {
		c.acknowledged = n
		c.activity.Store(int64(l.now))
	}
	timeout := c.at.Load().timeout
	switch {
	case timeout > 0 && max(p.deadline, c.lastActivity()+timeout) <= l.now:
		l.finish(c, os.ErrDeadlineExceeded)
	case p.stage == stageOpen && unsent == 0 && c.pending == nil:
		c.polled = false // it has just taken the last byte: it is the youngest of the list
		if timeout > 0 {
			c.at.Load().enlist(c)
		}
	}
}

// clientEnded is called when the client has sent its last byte, and all answers are written. The
// session lives on until the client's system has them, under every limit and the idle timeout. Were
// the connection closed now, the kernel would hold them as long, for any number of clients, and
// give up one that reads too late.
func (l *loop) clientEnded(c *epollClient) {
	if c.kind == Chargen {
		c.stage = stageSilent // epoll would report the end all the time
		setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, c.interest())
		l.poll(c, 0)
		return
	}
	if c.unacknowledged() == 0 {
		l.finish(c, io.EOF)
		return
	}
	c.stage = stageOwed
	unix.Shutdown(int(c.fd), unix.SHUT_WR)
	// With both directions shut down, epoll reports EPOLLHUP all the time, unless it is
	// edge-triggered: then that comes when the last byte is acknowledged, and when the connection
	// breaks.
	setInterest(l.epfd, unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLET)
	l.poll(c, 0)
}

// settle ends the session if the client's system has everything, or never will.
func (l *loop) settle(c *epollClient) {
	switch errno := socketError(c.fd); {
	case errno != 0:
		l.finish(c, c.cause("send", errno))
	case c.unacknowledged() > 0:
		return
	case c.stage == stageClosing:
		l.finish(c, nil)
	default:
		l.finish(c, io.EOF)
	}
}

// cause returns the error of a call about a client that is ending, or nil if it was the server
// that has ended it.
func (c *epollClient) cause(call string, errno syscall.Errno) error {
	if c.stage == stageClosing {
		return nil
	}
	return os.NewSyscallError(call, errno)
}

// unacknowledged returns how many bytes, the end of the stream being one, have not reached the
// client's system. What is sent to a Unix socket is there at once, in the queue of the client's
// own.
func (c *epollClient) unacknowledged() int {
	if c.local.network != "tcp" {
		return 0
	}
	return unsentBytes(c.fd)
}
