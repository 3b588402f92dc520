package server

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// At the limit nobody is accepted: who comes waits, is not refused, and is served when there is a
// place.
func TestMaxConnections(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.MaxConnections = 2
		f.start()
		first, second := f.dial(), f.dial()
		exchange(t, first, []byte("first"))
		exchange(t, second, []byte("second"))
		waiting := f.dial()
		if _, err := waiting.Write([]byte("third")); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			exchange(t, first, []byte("still served"))
		}
		unanswered(t, waiting)
		if st := f.server.Stats(); st.Accepted != 2 || st.Active != 2 {
			t.Errorf("at the limit: %+v", st)
		}
		first.Close()
		answered(t, waiting, "third")
		exchange(t, second, []byte("undisturbed"))
		if st := f.server.Stats(); st.Accepted != 3 || st.Refused.Total() != 0 {
			t.Errorf("when there was a place: %+v", st)
		}
	})
}

// unanswered fails the test if the client gets something, or is closed.
func unanswered(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 64)); !os.IsTimeout(err) {
		t.Errorf("a client that has no place got %d bytes, %v", n, err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
}

// answered waits until the client has got want.
func answered(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// One limit holds for all listeners, and each of them gets its turn when a place is free.
func TestMaxConnectionsOfSeveralListeners(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.MaxConnections = 1
		f.start()
		one, queue := f.dial(), []halfConn{f.dial(), f.dial()}
		exchange(t, one, []byte("one"))
		f.start()
		queue = append(queue, f.dial(), f.dial())
		for _, conn := range queue {
			if _, err := conn.Write([]byte("turn")); err != nil {
				t.Fatal(err)
			}
		}
		one.Close()
		doneC := make(chan error, len(queue))
		for _, conn := range queue {
			go func() {
				_, err := io.ReadFull(conn, make([]byte, 4))
				conn.Close()
				doneC <- err
			}()
		}
		for range queue {
			if err := wait(t, "a client to be served", doneC); err != nil {
				t.Error(err)
			}
		}
	})
}

// Close does not wait for those who have no place.
func TestCloseAtTheLimit(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.MaxConnections = 1
		f.start()
		served := f.dial()
		exchange(t, served, []byte("served"))
		waiting := f.dial()
		closedC := make(chan error, 1)
		go func() { closedC <- f.server.Close() }()
		wait(t, "Close", closedC)
		if n, err := waiting.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("the client without a place read %d bytes, %v", n, err)
		}
		if st := f.server.Stats(); st.Accepted != 1 || st.Active != 0 || st.Refused.Total() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestMaxConnectionsPerSource(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		const refusals = 10
		other := anotherSource(t)
		f.terms.Limits.PerSource = 2
		f.start()
		first, second := f.dial(), f.dial()
		exchange(t, first, []byte("first"))
		exchange(t, second, []byte("second"))
		for range refusals {
			f.sentAway(nil)
		}
		exchange(t, f.dialFrom(other), []byte("from another source"))
		want := Stats{
			Active: 3, Accepted: 3, Refused: Refusals{RefusedSourceLimit: refusals},
			BytesReceived: 30, BytesSent: 30,
		}
		waitUntil(t, "all is counted", func() bool { return f.server.Stats() == want })

		first.Close()
		f.log.await(t, 1, "connection closed", "id=1 ")
		waitUntil(t, "the place is free", func() bool { return f.connectionsTaken() == 2 })
		exchange(t, f.dial(), []byte("in the place of the first"))
		f.sentAway(nil)
	})
}

// Clients of Unix sockets have no address: limits of sources do not apply to them.
func TestUnixClientsHaveNoSource(t *testing.T) {
	forEachOn(t, []string{"unix"}, func(t *testing.T, f *fixture) {
		f.terms.Limits.PerSource = 1
		f.terms.Limits.RatePerSource = 0.001
		f.terms.Access.Allow = func(netip.Addr) bool { return false }
		f.start()
		for range 5 {
			exchange(t, f.dial(), []byte("welcome"))
		}
	})
}

func TestConnectionRatePerSource(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.terms.Limits.RatePerSource = 0.001
		f.start()
		first := f.dial()
		exchange(t, first, []byte("first"))
		f.sentAway(nil)
		first.Close()
		f.log.await(t, 1, "connection closed")
		f.sentAway(nil) // it is a rate, not a number
		f.log.await(t, 1, "connection refused", "local="+f.addr.String(), "reason=rate", "held_back=0")
		if st := f.server.Stats(); st.Refused != (Refusals{RefusedConnectionRate: 2}) || st.Refused.Total() != 2 || st.Accepted != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestAllow(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		other := anotherSource(t)
		f.terms.Access.Allow = func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }
		f.server.MaxConnections = 1
		f.start()
		for range 20 { // each of them gives its place back
			f.sentAway(other)
		}
		exchange(t, f.dial(), []byte("welcome"))
		f.log.await(t, 1, "connection refused", "remote=127.0.0.2:", "reason=access", "held_back=0")
		if st := f.server.Stats(); st.Refused != (Refusals{RefusedAccess: 20}) || st.Refused.Total() != 20 || st.Accepted != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Everybody who was in, refused or reset gives back what was taken: at the end nothing is.
func TestPlacesAreGivenBack(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.server.MaxConnections = 10
		f.terms.Limits.PerSource = 5
		f.start()
		for i := range 60 {
			conn, err := net.Dial("tcp", f.addr.String())
			if err != nil {
				continue // refused already
			}
			defer conn.Close()
			if i%3 == 0 {
				conn.(*net.TCPConn).SetLinger(0)
			}
			if i%2 == 0 {
				conn.Write([]byte("a word"))
			}
			if i%4 != 0 {
				conn.Close()
			}
			if i%20 == 19 { // those who are still there go, too
				for s := range f.server.Sessions() {
					f.server.Disconnect(s.ID)
				}
			}
		}
		f.server.Close()
		waitUntil(t, "nothing is taken", func() bool { return f.connectionsTaken() == 0 })
		r := &f.server.registry
		r.mu.Lock()
		defer r.mu.Unlock()
		if m := f.service.members.bySource; len(m) != 0 {
			t.Errorf("taken by source: %v", m)
		}
	})
}

// connectionsTaken returns how many clients there are for the limits of the server and of the
// service: one that has left the registry may still be counted, for a moment.
func (f *fixture) connectionsTaken() int {
	most := 0
	for _, c := range []*connectionLimit{&f.server.connections, &f.service.connections} {
		c.mu.Lock()
		most = max(most, c.taken)
		c.mu.Unlock()
	}
	return most
}

// anotherSource returns an address of this machine that is not 127.0.0.1.
func anotherSource(t *testing.T) net.Addr {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 without further ado")
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
}

// sentAway comes from the address local, or from any if it is nil, and is reset. That
// may happen so soon that it shows in the call that connects.
func (f *fixture) sentAway(local net.Addr) {
	f.t.Helper()
	d := net.Dialer{LocalAddr: local}
	conn, err := d.Dial(f.addr.Network(), f.addr.String())
	if err == nil {
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		f.t.Fatalf("a client that is not welcome got %v", err)
	}
}
