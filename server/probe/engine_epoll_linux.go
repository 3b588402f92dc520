package probe

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// epoll is the engine for Linux: one thread, which asks the kernel which of
// its sockets can go on, and never waits for any one of them. It costs the
// processor about what the same loop in C costs.
type epoll struct {
	p       *plan
	t       *tally
	address *sockaddr

	fd     int // of the epoll instance
	wakeFD int // an eventfd, to end a wait from another thread
	events []unix.EpollEvent
	buf    []byte // what comes back, of whichever socket

	socks   []sock
	waiting order // sockets that wait for the server, the longest waiting first
	resting rests // sockets that failed and are to be opened anew
	queuing rests // sockets that found the server's queue full (Unix sockets only)

	running bool   // the load has begun
	ended   bool   // and is over
	turn    int    // open loop: the socket whose message is due next ...
	lap     uint64 // ... and the number of that message
	asked   int    // mode Idle: sockets that have been asked whether they still live
}

// newEpoll is an engine for the connections first, first+step, first+2*step …
func newEpoll(p *plan, first, step int) (*epoll, error) {
	e := &epoll{
		p: p, t: newTally(), fd: -1, wakeFD: -1,
		events: make([]unix.EpollEvent, 256),
		buf:    make([]byte, patternWindow),
	}
	if !p.stream {
		e.buf = make([]byte, p.Size+1) // longer must be seen to be longer
	}
	for id := first; id < p.Connections; id += step {
		e.socks = append(e.socks, sock{index: int32(len(e.socks)), id: id, fd: -1})
	}
	e.waiting = newOrder(e.socks)

	var err error
	if e.address, err = newSockaddr(p.remote); err != nil {
		return nil, err
	}
	if p.Mode == Connect || p.Connections > onePortSpace {
		e.address.spreadSources()
	}
	if e.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	if e.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		e.close()
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	if err := controlRaw(e.fd, unix.EPOLL_CTL_ADD, e.wakeFD, unix.EPOLLIN, wakeNumber, 0); err != nil {
		e.close()
		return nil, fmt.Errorf("watch eventfd: %w", err)
	}
	return e, nil
}

// wakeNumber stands for the eventfd where else the number of a socket stands.
const wakeNumber = -1

func (e *epoll) counts() *tally { return e.t }

func (e *epoll) wake() { unix.Write(e.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (e *epoll) close() {
	for i := range e.socks {
		e.shut(&e.socks[i])
	}
	for _, fd := range []*int{&e.fd, &e.wakeFD} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

func (e *epoll) connect(ctx context.Context) {
	if e.p.Mode == Connect {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer whenDone(ctx, e.wake)()
	for next := 0; ctx.Err() == nil; {
		for next < len(e.socks) && e.waiting.length < connecting && e.queuing.empty() {
			e.open(&e.socks[next], e.p.now())
			next++
		}
		if next == len(e.socks) && e.waiting.length == 0 && e.queuing.empty() {
			break
		}
		e.step(min(e.waiting.deadline(e.p), e.queuing.next()))
		e.reopen(&e.queuing, e.p.now())
	}
	e.t.began = e.t.connections.Load()
}

func (e *epoll) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e.running = true
	e.begin()
	for now := e.p.now(); !e.p.ended(now); now = e.p.now() {
		e.reopen(&e.resting, now)
		e.reopen(&e.queuing, now)
		e.launch(now)
		e.step(min(e.p.end.Load(), e.waiting.deadline(e.p), e.resting.next(), e.queuing.next(), e.nextDue()))
	}
	e.ended = true
	if e.p.Mode == Idle {
		for e.waiting.length < connecting && e.askNext() {
		}
	}
	for e.waiting.length > 0 && e.p.now() < e.p.last() {
		e.step(min(e.waiting.deadline(e.p), e.p.last()))
	}
	e.settle()
}

// begin starts all connections: those that failed are opened once more, and
// in a closed loop each sends its first message.
func (e *epoll) begin() {
	if e.p.Mode == Idle {
		return
	}
	for i := range e.socks {
		s, now := &e.socks[i], e.p.now()
		switch {
		case e.p.Mode != Connect && s.state == stateClosed:
			e.open(s, now)
		case !e.p.open():
			e.next(s, now)
		}
	}
}

// launch begins, in an open loop, all messages that are due, of the sockets
// that are free to send; the others do so when they have become free.
func (e *epoll) launch(now int64) {
	for e.nextDue() <= now {
		s := &e.socks[e.turn]
		if s.round == e.lap && e.free(s) {
			e.next(s, now)
		}
		if e.turn++; e.turn == len(e.socks) {
			e.turn = 0
			e.lap++
		}
	}
}

// nextDue is when the next message of any socket is due.
func (e *epoll) nextDue() int64 {
	if !e.p.open() || len(e.socks) == 0 {
		return farFuture
	}
	return e.p.due(e.socks[e.turn].id, e.lap)
}

// reopen opens the sockets whose rest is over.
func (e *epoll) reopen(r *rests, now int64) {
	for r.next() <= now {
		s := &e.socks[r.take()]
		switch {
		case s.state != stateClosed: // an open loop did not wait
		case e.p.Mode == Connect && !s.pending:
			e.next(s, now)
		default:
			e.open(s, now)
		}
	}
}

// askNext asks, at the end of mode Idle, the next connection that is open,
// and tells whether there was one.
func (e *epoll) askNext() bool {
	for e.asked < len(e.socks) {
		s := &e.socks[e.asked]
		e.asked++
		if s.state == stateOpen {
			s.due = e.p.now()
			e.send(s, s.due)
			return true
		}
	}
	return false
}

// settle counts what never came back and what was never sent.
func (e *epoll) settle() {
	for e.waiting.length > 0 {
		e.fail(e.waiting.first(), os.ErrDeadlineExceeded)
	}
	for i := range e.socks {
		if s := &e.socks[i]; e.p.open() {
			e.t.skipped(e.p, s.id, s.round)
		}
	}
}

// step waits until something happens, but not longer than until, and deals with it.
func (e *epoll) step(until int64) {
	for _, event := range e.events[:e.poll(until)] {
		e.happened(event)
	}
	for now := e.p.now(); e.waiting.length > 0; {
		s := e.waiting.first()
		if s.since+int64(e.p.Timeout) > now {
			break
		}
		e.timedOut(s, now)
	}
}

// poll collects events. It sleeps only if there are none and there is enough
// time to do so: what is due at once must not wait for the kernel's timer.
func (e *epoll) poll(until int64) int {
	const worthSleeping = 60_000 // ns; the kernel's timers are allowed 50 µs of slack
	n := pollRaw(e.fd, e.events)
	if n > 0 {
		return n
	}
	if wait := until - e.p.now() - worthSleeping; wait > 0 {
		return waitFor(e.fd, e.events, wait)
	}
	return 0
}

// happened deals with one event. An event of a socket that has been closed
// since, in the same batch, has another generation than the socket now.
func (e *epoll) happened(event unix.EpollEvent) {
	if event.Fd == wakeNumber {
		var count [8]byte
		unix.Read(e.wakeFD, count[:])
		return
	}
	s := &e.socks[event.Fd]
	if s.generation != event.Pad {
		return
	}
	if s.state == stateOpening {
		e.connected(s, event.Events)
		return
	}
	if event.Events&^unix.EPOLLOUT != 0 {
		e.receive(s)
	}
	if event.Events&unix.EPOLLOUT != 0 && s.generation == event.Pad {
		e.writable(s)
	}
}
