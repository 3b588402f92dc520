package server

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// acceptBatch is how many clients are accepted before the clients that are there get their turn
// again.
const acceptBatch = 64

// An epollListener is a listening socket in a loop.
type epollListener struct {
	service *Service
	kind    Builtin // that the service is
	home    *loop   // whose epoll instance knows it
	loop    *loop   // home, while it is served
	fd      int32
	local   *localEnd // of its clients, unless wild
	wild    bool      // it listens on every address, so that its clients have different ones
	last    wildEnd   // of the client that came last
	early   bool      // there may be clients that came before the socket's options were set
	mptcp   bool      // clients inherit no TCP_USER_TIMEOUT
	backoff backoff
	free    func()     // resume, to be called when there may be one more connection
	brokenC chan error // gets the first error that ends accepting
	broken  bool       // it has
	from    unix.RawSockaddrAny
}

// A wildEnd is one of the addresses of a listener on every address. Clients that share it cost less
// memory.
type wildEnd struct {
	at  endpoint
	end *localEnd
}

// newEpollListener takes a descriptor of its own for the socket of l, and makes it known to the
// epoll instance of home, which does not report clients yet. After an error, l is as it was.
func newEpollListener(l net.Listener, home *loop, v *Service) (*epollListener, error) {
	fd, err := duplicate(l.(syscall.Conn))
	if err != nil {
		return nil, err
	}
	if errno := setInterest(home.epfd, unix.EPOLL_CTL_ADD, int32(fd), 0); errno != 0 {
		closeSocket(int32(fd))
		return nil, os.NewSyscallError("epoll_ctl", errno)
	}
	a := l.Addr()
	kind, _ := v.stream() // no other handler comes here
	d := &epollListener{
		service: v, kind: kind, home: home, fd: int32(fd), local: &localEnd{a.Network(), a.String()},
		brokenC: make(chan error, 1), early: true,
	}
	// Go's own poller watches every socket of package net and wakes up a thread for each client
	// that comes, though nothing waits there: half as much work again. So the original is
	// closed, except where that might remove the file of the socket.
	switch l := l.(type) {
	case *net.TCPListener:
		d.wild = l.Addr().(*net.TCPAddr).IP.IsUnspecified()
		d.mptcp = !presetClients(fd)
		l.Close()
	case *UnixListener:
		l.UnixListener.Close()
	}
	return d, nil
}

// presetClients sets on a TCP socket what package net sets on every connection it accepts, that
// urgent data stays in its place (see receiveUrgentInline), and TCP_USER_TIMEOUT; on Linux
// connections inherit it from the listening socket. It reports false if the socket does not know
// TCP_USER_TIMEOUT. Errors do not matter: clients are served without, too.
func presetClients(fd int) bool {
	const seconds = int(keepAliveInterval / time.Second)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes)
	return setUserTimeout(fd, userTimeout) == nil
}

// open begins to accept.
func (l *loop) open(d *epollListener) {
	d.loop, d.free = l, func() { d.resume(l) }
	l.others[d.fd] = d
	if errno := setInterest(l.epfd, unix.EPOLL_CTL_MOD, d.fd, unix.EPOLLIN); errno != 0 {
		d.failed(os.NewSyscallError("epoll_ctl", errno)) // though the kernel needs no memory for it
	}
}

// shut ends accepting. Clients that are in the kernel's queue already are served, as far as the
// limits allow, for they are connected as far as they know.
func (l *loop) shut(d *epollListener) {
	for range 64 {
		if !d.acceptSome() {
			break
		}
	}
	l.unwatch(d.fd)
	closeSocket(d.fd)
	d.loop = nil
}

// pause makes the loop pay no attention to the listener; resume undoes it. The kernel would go on
// to report that a listening socket was shut down, if it were still told to watch it for nothing
// else.
func (d *epollListener) pause() {
	setInterest(d.loop.epfd, unix.EPOLL_CTL_DEL, d.fd, 0)
}

// resume may be called by any goroutine.
func (d *epollListener) resume(l *loop) {
	l.do(func() {
		if d.loop == nil || d.broken {
			return
		}
		if errno := setInterest(l.epfd, unix.EPOLL_CTL_ADD, d.fd, unix.EPOLLIN); errno != 0 && errno != unix.EEXIST {
			d.failed(os.NewSyscallError("epoll_ctl", errno))
		}
	})
}

func (d *epollListener) ready() { d.acceptSome() }

// acceptSome accepts some of the clients that wait. It reports whether there may be more.
func (d *epollListener) acceptSome() bool {
	for range acceptBatch {
		if !d.service.acquire(d.free) {
			d.pause()
			return false
		}
		fd, size, errno := acceptClient(d.fd, &d.from)
		if errno == 0 {
			d.backoff.succeeded()
			d.newClient(fd, size)
			continue
		}
		d.service.release()
		d.early = d.early && errno != unix.EAGAIN
		if !again(errno) {
			d.failed(os.NewSyscallError("accept4", errno))
		}
		return false
	}
	return true
}

// failed pauses the listener, for a time or for ever.
func (d *epollListener) failed(err error) {
	d.pause()
	if permanent(err) {
		d.breakOff(err)
		return
	}
	l := d.loop
	time.AfterFunc(d.backoff.failed("accept failed", err, d.local.address, d.service.log), func() { d.resume(l) })
}

// breakOff ends serve, which then has the loop call shut: that tries to accept once more.
func (d *epollListener) breakOff(err error) {
	if !d.broken {
		d.broken = true
		d.brokenC <- err
	}
}

// newClient makes a client of the connection fd, whose address is in from, if it is admitted.
func (d *epollListener) newClient(fd int32, size uint32) {
	l, v := d.loop, d.service
	c := &epollClient{fd: fd, kind: d.kind}
	c.begin(v, d.local, parseSockaddr(&d.from, size), v.server.now())
	if d.wild {
		if size, errno := localName(fd, &d.from); errno == 0 {
			c.local = d.localEnd(parseSockaddr(&d.from, size))
		}
	}
	d.preset(int(fd))
	c.at.Store(l.of(v))
	if !v.admit(c, &c.session) {
		refuseSocket(fd)
		return
	}
	if to := l.forNewClient(); to != l {
		to.do(func() { to.adopt(c) })
		return
	}
	l.adopt(c)
}

// preset sets on a client's socket what it has not inherited.
func (d *epollListener) preset(fd int) {
	switch {
	case d.local.network == "unix":
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) // which a Unix socket never inherits
		if d.early {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0) // see refuseDescriptors
		}
	case d.early:
		presetClients(fd)
	case d.mptcp:
		setUserTimeout(fd, userTimeout)
	}
}

// localEnd returns what clients that have connected to the address at have in common.
func (d *epollListener) localEnd(at endpoint) *localEnd {
	if d.last.end == nil || d.last.at != at {
		d.last = wildEnd{at, &localEnd{d.local.network, at.String()}}
	}
	return d.last.end
}

// refuseSocket closes a connection so that the client sees an error, and no trace of it
// stays in the kernel as it would after an orderly end.
func refuseSocket(fd int32) {
	unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	closeSocket(fd)
}
