package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// closeGrace is the time a client has to take what was read from it, once the server ends its
// session.
const closeGrace = time.Second

// lingerQuiet is how long a client that was closed by the server may stay silent before
// the connection is given up. See linger.
const lingerQuiet = 100 * time.Millisecond

// deliverInterval is how often a client is asked for how much of its answers its system has, if no
// event tells.
const deliverInterval = time.Second

func (c *portableClient) end(why endReason) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != reasonNone {
		return false
	}
	c.ending = why
	c.closeBy = time.Now().Add(closeGrace)
	if c.cancel != nil {
		c.cancel()
	}
	if c.conn.SetReadDeadline(time.Now()) != nil || c.conn.SetWriteDeadline(c.closeBy) != nil {
		c.conn.Close() // it knows no deadlines
	}
	return true
}

// hangUp is called when the client has been sent all that it gets, though it may send more. It
// tells the client so, and drops what it sends, as linger does, but under the idle timeout. It
// returns io.EOF when the client has ended too, or is silent and its system has everything.
func (c *portableClient) hangUp() error {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return io.EOF
	}
	c.halfClosed = true
	dropped := make([]byte, smallBuffer)
	for {
		if err := c.moveDeadline(c.conn.SetReadDeadline, lingerQuiet); err != nil {
			return err
		}
		_, err := c.conn.Read(dropped)
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case c.isEnding():
			return err
		default:
			if q := c.sendQueue(); q.n == 0 || q.broken != nil {
				return cmp.Or(q.broken, io.EOF)
			}
			if !c.takes() {
				return err
			}
		}
	}
}

// deliver is called when the client has sent its last byte, and all answers are written. It returns
// io.EOF when the client's system has them, or what kept it from getting them. The client is under
// the idle timeout meanwhile.
func (c *portableClient) deliver() error {
	q := c.sendQueue()
	if q.raw == nil || q.n == 0 || q.broken != nil {
		return cmp.Or(q.broken, io.EOF)
	}
	if !c.halfClosed {
		c.halfClosed = c.conn.(*net.TCPConn).CloseWrite() == nil
	}
	c.takes()
	for {
		if err := c.moveDeadline(c.conn.SetReadDeadline, c.askInterval()); err != nil {
			return err
		}
		err := q.await()
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.takes() {
			return err
		}
	}
}

// askInterval is how long to wait before the client is asked again for how much its system has.
func (c *portableClient) askInterval() time.Duration {
	if timeout := c.idleTimeout(); timeout > 0 {
		return min(deliverInterval, max(timeout/8, time.Millisecond))
	}
	return deliverInterval
}

// takes is called when a deadline has passed. It reports whether the client is to have another
// askInterval, as it may be taking what the system has for it; and notes that it has taken
// something.
func (c *portableClient) takes() bool {
	if c.isEnding() {
		return false
	}
	n := c.unacknowledged()
	first := !c.asked
	moved := !first && n != c.unsent
	c.asked, c.unsent = n > 0, n
	if moved {
		c.activity.Store(int64(c.now()))
	}
	timeout := c.idleTimeout()
	return moved || n > 0 && (first || timeout <= 0 || c.now() < c.lastActivity()+timeout)
}

// isEnding tells whether the server ends the session.
func (c *portableClient) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending != reasonNone
}

// finish settles why the session ended, given the error that ended it. From then on end has no
// effect.
func (c *portableClient) finish(err error) endReason {
	c.mu.Lock()
	defer c.mu.Unlock()
	byServer := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled)
	if c.ending == reasonNone || !byServer {
		c.ending = reasonFor(err)
	}
	return c.ending
}

// linger gives a client whose session the server ended the time to take what is on its way. A TCP
// connection closed while bytes from the client are unread is reset, and the client's system may
// then throw away what the client has not read yet. So the sending side is closed first, and what
// comes in is read and dropped until the client closes too, or is silent for lingerQuiet, and its
// system has everything; or its grace time is over.
func (c *portableClient) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.halfClosed = true
	dropped := make([]byte, smallBuffer)
	for {
		quiet := time.Now().Add(lingerQuiet)
		if quiet.After(c.closeBy) {
			quiet = c.closeBy
		}
		if c.conn.SetReadDeadline(quiet) != nil {
			return
		}
		_, err := c.conn.Read(dropped)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			if q := c.sendQueue(); q.n > 0 && q.broken == nil && c.conn.SetReadDeadline(c.closeBy) == nil {
				q.await()
			}
			return
		case !errors.Is(err, os.ErrDeadlineExceeded), !time.Now().Before(c.closeBy):
			return
		default:
			if q := c.sendQueue(); q.n == 0 || q.broken != nil {
				return
			}
		}
	}
}

// close closes the connection of a session that has ended, and returns how many of the bytes that
// were sent did not reach the client's system. If it lacks something it is reset: so it can tell,
// and the kernel keeps nothing for it. At shutdown the kernel may go on with what it has, if that
// is all that there is.
func (c *portableClient) close(why endReason) (undelivered int) {
	defer c.conn.Close()
	if why == reasonEOF {
		return 0
	}
	n := c.unacknowledged()
	if c.halfClosed {
		n = max(0, n-finLength)
	}
	if tcp, ok := c.conn.(*net.TCPConn); ok && (c.unwritten > 0 || n > 0 && why != reasonShutdown) {
		tcp.SetLinger(0)
	}
	return n
}

// unacknowledged returns how many bytes the client's system does not have, the end of the stream
// being one, or 0 if that cannot be known. Only of TCP it can: what is sent to a Unix socket is
// there at once, in the queue of the client's own.
func (c *portableClient) unacknowledged() (n int) {
	if raw := rawTCP(c.conn); raw != nil {
		raw.Control(func(fd uintptr) { n, _ = sendQueue(fd) })
	}
	return n
}

// rawTCP returns nil if conn is no connection of package net over TCP.
func rawTCP(conn net.Conn) syscall.RawConn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// A tcpSendQueue is what the system has of a client's answers, and the client's system does not.
// To look at it may take from the connection the error that a call would have returned.
type tcpSendQueue struct {
	raw    syscall.RawConn // nil if it cannot be known
	n      int             // when it was looked at, as of unacknowledged
	broken error           // what the connection has broken with
}

// sendQueue looks at the queue.
func (c *portableClient) sendQueue() (q tcpSendQueue) {
	if raw := rawTCP(c.conn); raw != nil {
		raw.Control(func(fd uintptr) {
			if q.look(fd) {
				q.raw = raw
			}
		})
	}
	return q
}

// look reports whether the queue is known here.
func (q *tcpSendQueue) look(fd uintptr) (ok bool) {
	q.n, ok = sendQueue(fd)
	if errno := brokenBy(fd); errno != 0 {
		q.broken = os.NewSyscallError("send", errno)
	}
	return ok
}

// await waits until the queue is empty, and returns io.EOF then, or what the connection has broken
// with, or the error of the deadline for reading.
func (q *tcpSendQueue) await() error {
	if err := q.raw.Read(func(fd uintptr) (done bool) {
		q.look(fd)
		return q.broken != nil || q.n == 0
	}); err != nil {
		return err
	}
	return cmp.Or(q.broken, io.EOF)
}
