package probe

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sock is one connection of an epoll engine.
type sock struct {
	listed
	index      int32 // among the engine's
	generation int32 // how often it has been closed
	id         int   // among all connections of the load
	fd         int   // -1 if closed
	state      sockState
	mask       uint32 // what epoll watches

	round             uint64 // messages begun, or given up, of those that are due
	due               int64  // of the message whose latency is taken
	pending           bool   // that message is begun, and waits for the connection; mode Connect
	sampling          bool   // its latency is being taken; mode Stream in a closed loop
	sampled           uint64 // value of round when it was begun
	datagram          uint64 // number of the last one sent
	toSend, toReceive int    // bytes of messages begun
	sendAt, receiveAt int    // places in the pattern

	queuedSince int64 // when it found the server's queue full for the first time; 0 if it has not
}

type sockState uint8

const (
	stateClosed sockState = iota
	stateOpening
	stateOpen
)

// queueDelay is how long to wait before asking again whether the queue of a
// Unix socket has a place: the kernel does not tell.
const queueDelay = time.Millisecond

// open begins to open s.
func (e *epoll) open(s *sock, now int64) {
	fd, inProgress, err := dialRaw(e.address)
	switch {
	case err == unix.EAGAIN && e.address.family == unix.AF_UNIX:
		if s.queuedSince == 0 {
			s.queuedSince = now
		}
		if now-s.queuedSince > int64(e.p.Timeout) {
			e.fail(s, os.ErrDeadlineExceeded)
			return
		}
		e.queuing.add(s.index, now+int64(queueDelay))
		return
	case err != nil:
		e.fail(s, err)
		return
	}
	s.fd, s.state, s.queuedSince = fd, stateOpening, 0
	s.mask = unix.EPOLLIN
	if inProgress {
		s.mask = unix.EPOLLOUT
	}
	if err := controlRaw(e.fd, unix.EPOLL_CTL_ADD, fd, s.mask, s.index, s.generation); err != nil {
		e.fail(s, err)
		return
	}
	if inProgress {
		e.waiting.wait(s.index, now)
		return
	}
	e.established(s, now)
}

// connected finds out how opening s went.
func (e *epoll) connected(s *sock, events uint32) {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		errno, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && errno != 0 {
			err = unix.Errno(errno)
		}
		if err != nil {
			e.fail(s, err)
			return
		}
	}
	e.established(s, e.p.now())
}

// established begins what is to be done first on an open connection.
func (e *epoll) established(s *sock, now int64) {
	s.state = stateOpen
	e.t.connections.Add(1)
	s.sendAt = origin(s.id, 0)
	s.receiveAt = s.sendAt
	e.waiting.remove(s.index)
	switch e.p.Mode {
	case Connect:
		s.pending = false
		e.send(s, now)
	case Idle:
		s.due = now
		e.send(s, now)
	default:
		e.want(s, unix.EPOLLIN)
		if e.running {
			e.next(s, now)
		}
	}
}

// shut closes s, whatever its state.
func (e *epoll) shut(s *sock) {
	e.waiting.remove(s.index)
	s.toSend, s.toReceive = 0, 0
	s.sampling = false
	if s.state == stateOpen {
		e.t.connections.Add(-1)
	}
	if s.state != stateClosed {
		closeRaw(s.fd)
		s.generation++
		s.fd, s.state = -1, stateClosed
	}
}

// fail counts a failure and closes s, to be opened anew after a rest, or at
// the latest when the load begins.
func (e *epoll) fail(s *sock, err error) {
	e.t.fail(err)
	s.queuedSince, s.pending = 0, false
	e.shut(s)
	if e.running && !e.ended && e.p.Mode != Idle {
		e.resting.add(s.index, e.p.now()+int64(retryDelay))
	}
	if e.ended && e.p.Mode == Idle {
		e.askNext()
	}
}

// timedOut deals with a server that has let s wait too long.
func (e *epoll) timedOut(s *sock, now int64) {
	if e.p.stream || s.state == stateOpening {
		e.fail(s, os.ErrDeadlineExceeded)
		return
	}
	e.t.fail(os.ErrDeadlineExceeded)
	e.waiting.remove(s.index)
	s.toSend, s.toReceive = 0, 0
	if e.p.Mode == Connect {
		e.shut(s)
	}
	e.next(s, now)
}

// want makes epoll watch s for mask.
func (e *epoll) want(s *sock, mask uint32) {
	if s.mask == mask {
		return
	}
	s.mask = mask
	if err := controlRaw(e.fd, unix.EPOLL_CTL_MOD, s.fd, mask, s.index, s.generation); err != nil {
		e.fail(s, err)
	}
}
