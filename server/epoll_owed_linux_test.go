package server

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// addTCPClient gives the loop a client over TCP, whose other end it returns. Its system takes few
// bytes, and the server's takes many.
func (l *loop) addTCPClient(t *testing.T) (*epollClient, *net.TCPConn) {
	t.Helper()
	f := newFixture(t, engineCase{nativeName, func(*Server) {}}, "tcp4")
	listener := listen(t, f.network)
	defer listener.Close()
	f.addr = listener.Addr()
	conn := f.dialTight().(*net.TCPConn)
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	fd, err := duplicate(accepted.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 200_000)
	return l.newClient(t, fd, "tcp"), conn
}

// owe has the client send bytes without reading any, so that the loop has written them all and its
// system holds many.
func (l *loop) owe(t *testing.T, c *epollClient, conn net.Conn) {
	t.Helper()
	if _, err := conn.Write(randomBytes(owedBytes)); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "all is written", func() bool {
		l.serve(c)
		return c.sent.Load() == owedBytes
	})
	if unsentBytes(c.fd) == 0 {
		t.Fatal("the client's system took everything")
	}
}

// endOwed is owe of a client that then sends its end.
func (l *loop) endOwed(t *testing.T, c *epollClient, conn *net.TCPConn) {
	t.Helper()
	l.owe(t, c, conn)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the end is seen", func() bool {
		l.serve(c)
		return c.stage == stageOwed
	})
}

// takeSome has the client read until its system acknowledges more.
func takeSome(t *testing.T, c *epollClient, conn net.Conn) {
	t.Helper()
	before := unsentBytes(c.fd)
	waitUntil(t, "more is acknowledged", func() bool {
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		return unsentBytes(c.fd) < before
	})
}

// takeAll has the client read until its system has everything.
func takeAll(t *testing.T, c *epollClient, conn net.Conn) {
	t.Helper()
	go io.Copy(io.Discard, conn)
	waitUntil(t, "all is acknowledged", func() bool { return unsentBytes(c.fd) == 0 })
}

// The loop hears of the last byte that is acknowledged, and is not woken up before.
func TestLastAcknowledgementIsAnEvent(t *testing.T) {
	l := stillLoop(t)
	c, conn := l.addTCPClient(t)
	l.endOwed(t, c, conn)
	l.hasEvent(c.fd) // of the change itself
	if l.hasEvent(c.fd) {
		t.Error("there are events all the time")
	}
	takeSome(t, c, conn)
	if l.hasEvent(c.fd) {
		t.Error("there is an event for every byte")
	}
	takeAll(t, c, conn)
	waitUntil(t, "there is an event", func() bool { return l.hasEvent(c.fd) })
	if l.serve(c); l.clients.at(c.fd) == c {
		t.Error("the session did not end")
	}
}

// The same for a session that the server ends.
func TestLastAcknowledgementEndsClosing(t *testing.T) {
	l := stillLoop(t)
	c, conn := l.addTCPClient(t)
	l.owe(t, c, conn)
	c.ending.Store(uint32(reasonShutdown))
	l.endSession(c)
	if l.clients.at(c.fd) != c {
		t.Fatal("the session ended at once")
	}
	takeAll(t, c, conn)
	waitUntil(t, "the session has ended by an event", func() bool {
		if l.hasEvent(c.fd) {
			l.serve(c)
		}
		return l.clients.at(c.fd) != c
	})
}

// A client that takes what the kernel has for it is not idle, before its end and after.
func TestTakingIsActivity(t *testing.T) {
	for name, owe := range map[string]func(*loop, *testing.T, *epollClient, *net.TCPConn){
		"open": func(l *loop, t *testing.T, c *epollClient, conn *net.TCPConn) { l.owe(t, c, conn) },
		"owed": (*loop).endOwed,
	} {
		t.Run(name, func(t *testing.T) {
			l := stillLoop(t)
			l.service().Apply(Terms{IdleTimeout: time.Second})
			c, conn := l.addTCPClient(t)
			owe(l, t, c, conn)
			at := func(ms time.Duration, there bool) {
				t.Helper()
				l.now = ms * time.Millisecond
				l.expire()
				if got := l.clients.at(c.fd) == c; got != there {
					t.Fatalf("at %v: %v, want %v", l.now, got, there)
				}
			}
			at(900, true)
			takeSome(t, c, conn)
			at(1000, true)
			takeSome(t, c, conn)
			at(1200, true)
			at(2100, true)
			at(2300, false)
			if why := endReason(c.ending.Load()); why != reasonIdle {
				t.Errorf("it ended for the reason %q", why)
			}
		})
	}
}

// A client that has taken everything is idle by its last activity again.
func TestTakingAllIsActivity(t *testing.T) {
	l := stillLoop(t)
	l.service().Apply(Terms{IdleTimeout: time.Second})
	c, conn := l.addTCPClient(t)
	l.owe(t, c, conn)
	l.now = time.Second
	l.expire()
	takeAll(t, c, conn)
	l.now = 1200 * time.Millisecond
	l.expire()
	if list := l.of(l.service()).idle.fromOldest(); !slices.Equal(list, []*epollClient{c}) || l.patience(l.now) != 1000 {
		t.Errorf("%d clients are in the list, and the loop waits for %d ms", len(list), l.patience(l.now))
	}
}
