package server

import (
	"bytes"
	"slices"
	"testing"
	"time"
	"unique"

	"golang.org/x/sys/unix"
)

// stillLoop returns a loop that does not run by itself, and a server for its clients.
func stillLoop(t *testing.T) *loop {
	t.Helper()
	s := new(Server)
	s.Logger = textLogger(t.Output())
	begin(t, s, &s.unnamed)
	l, err := newLoop(newNativeEngine(s).(*epollEngine))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(l.wakefd)
		unix.Close(l.epfd)
	})
	return l
}

// addClient gives the loop a client whose other end is the descriptor that it returns.
func (l *loop) addClient(t *testing.T) (*epollClient, int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[1]) })
	return l.newClient(t, ends[0], "unix"), ends[1]
}

// service is that of all clients of the loop.
func (l *loop) service() *Service { return &l.engine.server.unnamed }

// newClient makes the loop's client of the socket fd.
func (l *loop) newClient(t *testing.T, fd int, network string) *epollClient {
	t.Helper()
	v := l.service()
	c := &epollClient{fd: int32(fd)}
	c.begin(v, &localEnd{network, "here"}, endpoint{name: unique.Make("there")}, l.now)
	if !v.acquire(nil) || !v.admit(c, &c.session) {
		t.Fatal("the client was not admitted")
	}
	l.adopt(c)
	t.Cleanup(func() {
		if l.clients.at(c.fd) == c {
			l.finish(c, nil)
		}
	})
	return c
}

// In its turn a client gets one buffer read and sent, however much it has sent.
func TestTurnIsOneBuffer(t *testing.T) {
	l := stillLoop(t)
	c, far := l.addClient(t)
	sent := randomBytes(maxRead + 100)
	if n, err := unix.Write(far, sent); n != len(sent) {
		t.Fatalf("the socket takes %d bytes only, %v", n, err)
	}
	for turn, want := range []uint64{maxRead, maxRead + 100, maxRead + 100} {
		l.serve(c)
		if got := c.received.Load(); got != want {
			t.Errorf("turn %d: %d bytes were read, want %d", turn+1, got, want)
		}
	}
	got := make([]byte, len(sent)+1)
	if n, _ := unix.Read(far, got); !bytes.Equal(got[:n], sent) {
		t.Errorf("sent %d bytes, got %d that are not the same", len(sent), n)
	}
}

// Sessions end by idle time in the order of their last bytes, at the time that the loop says it
// will wait for.
func TestIdleOrder(t *testing.T) {
	l := stillLoop(t)
	l.service().Apply(Terms{IdleTimeout: time.Second})
	if got := l.patience(l.now); got != -1 {
		t.Errorf("without clients the loop waits for %d ms", got)
	}
	var clients [3]*epollClient
	var far [3]int
	for i := range clients {
		l.now = time.Duration(i) * 100 * time.Millisecond
		clients[i], far[i] = l.addClient(t)
	}
	l.now = 500 * time.Millisecond
	unix.Write(far[0], []byte("x"))
	l.serve(clients[0])
	if n, err := unix.Read(far[0], make([]byte, 1)); n != 1 {
		t.Fatal(err)
	}
	for _, step := range []struct {
		now  time.Duration // in milliseconds
		left []*epollClient
		wait int // milliseconds
	}{
		{1000, []*epollClient{clients[1], clients[2], clients[0]}, 100},
		{1099, []*epollClient{clients[1], clients[2], clients[0]}, 1},
		{1100, []*epollClient{clients[2], clients[0]}, 100},
		{1400, []*epollClient{clients[0]}, 100},
		{1500, nil, -1},
	} {
		l.now = step.now * time.Millisecond
		l.expire()
		if got := l.of(l.service()).idle.fromOldest(); !slices.Equal(got, step.left) {
			t.Errorf("at %v: %d clients are left", l.now, len(got))
		}
		if got := l.patience(l.now); got != step.wait {
			t.Errorf("at %v the loop waits for %d ms, want %d", l.now, got, step.wait)
		}
	}
}

// A loop that takes over a client that is owed something hears of it when there is room, not
// before, nor only when the client sends more.
func TestAdoptWaitsForRoom(t *testing.T) {
	from, to := stillLoop(t), stillLoop(t)
	to.engine = from.engine
	c, far := from.addClient(t)
	chunk := randomBytes(maxRead)
	for c.pending == nil {
		if n, err := unix.Write(far, chunk); n != len(chunk) {
			t.Fatal(n, err)
		}
		from.serve(c)
	}
	from.handOver(c, to)
	to.runTasks()
	if to.clients.at(c.fd) != c {
		t.Fatal("the client did not arrive")
	}
	t.Cleanup(func() { to.finish(c, nil) })
	if to.hasEvent(c.fd) {
		t.Error("there is an event, though there is nothing to be done")
	}
	for n := len(chunk); n == len(chunk); {
		n, _ = unix.Read(far, chunk)
	}
	if !to.hasEvent(c.fd) {
		t.Error("there is room, and no event")
	}
}

// hasEvent tells whether epoll reports the descriptor.
func (l *loop) hasEvent(fd int32) bool {
	n := pollEvents(l.epfd, l.events[:])
	return slices.ContainsFunc(l.events[:n], func(e unix.EpollEvent) bool { return e.Fd == fd })
}
