package server

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// generate drops what the client has sent, and sends as much of the text of chargen as it takes in
// one turn.
func (l *loop) generate(c *epollClient) {
	if c.stage == stageOpen {
		l.read(c)
		if l.clients.at(c.fd) != c {
			return
		}
	}
	n, errno := send(c.fd, l.engine.server.chargen.after(c.sent.Load()))
	switch {
	case errno == 0:
		l.moved(c, n)
	case !again(errno):
		l.finish(c, os.NewSyscallError("send", errno))
	}
}

// answerOnce sends a client that has just come the only answer that it gets. From then on it is
// like a client that has sent its last byte, but that what it sends is dropped.
func (l *loop) answerOnce(c *epollClient) {
	answer := c.kind.appendTime(l.buf[:0], time.Now())
	n, errno := send(c.fd, answer)
	if errno != 0 && !again(errno) {
		l.finish(c, os.NewSyscallError("send", errno))
		return
	}
	l.moved(c, n)
	c.stage = stageOwed
	if n < len(answer) {
		l.hold(c, answer[n:])
		return
	}
	if c.local.network == "unix" {
		// What came after drain would have the client see an error in place of the end.
		unix.Shutdown(int(c.fd), unix.SHUT_RD)
	}
	l.poll(c, 0)
	l.halfClose(c)
}
