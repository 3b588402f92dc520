package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// atServer calls do with the server's descriptor of the connection that the client has as conn.
func (f *fixture) atServer(conn net.Conn, do func(fd int)) {
	f.t.Helper()
	var found client
	waitUntil(f.t, "the client is known", func() bool {
		found = f.clientOf(conn)
		return found != nil
	})
	switch c := found.(type) {
	case *epollClient:
		c.at.Load().loop.await(func() { do(int(c.fd)) })
	case *portableClient:
		control(f.t, c.conn, do)
	}
}

// clientOf returns the client that has the connection as conn, nil if it is gone or not there yet.
func (f *fixture) clientOf(conn net.Conn) client {
	f.server.registry.mu.Lock()
	defer f.server.registry.mu.Unlock()
	for _, c := range f.server.registry.clients {
		if c.base().info().Remote == conn.LocalAddr().String() {
			return c
		}
	}
	return nil
}

// control calls do with the descriptor of conn.
func control(t *testing.T, conn net.Conn, do func(fd int)) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { do(int(fd)) }); err != nil {
		t.Fatal(err)
	}
}

// userTimeoutAtServer returns TCP_USER_TIMEOUT of the server's end of conn.
func (f *fixture) userTimeoutAtServer(conn net.Conn) (d time.Duration) {
	f.t.Helper()
	f.atServer(conn, func(fd int) { d = userTimeoutOf(f.t, fd) })
	return d
}

func userTimeoutOf(t *testing.T, fd int) time.Duration {
	t.Helper()
	ms, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	if err != nil {
		t.Error(err)
	}
	return time.Duration(ms) * time.Millisecond
}

// deafen makes the client's system drop all that comes for conn, as if the machine had vanished.
func deafen(t *testing.T, conn net.Conn) {
	t.Helper()
	control(t, conn, func(fd int) {
		drop := [...]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
		err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &drop[0]})
		if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
			t.Skip("only root can attach a filter to a socket on this machine")
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// An answer that is not acknowledged keeps a client no longer than silence does, however the
// listener was made.
func TestUserTimeoutIsSet(t *testing.T) {
	for _, multipath := range []bool{false, true} {
		forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
			config := net.ListenConfig{}
			config.SetMultipathTCP(multipath)
			address := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[f.network]
			l, err := config.Listen(t.Context(), f.network, address)
			if err != nil {
				t.Fatal(err)
			}
			f.addr = l.Addr()
			early := []halfConn{f.dial(), f.dial()} // before there is a server
			f.serve(l)
			for _, conn := range append(early, f.dial()) {
				exchange(t, conn, []byte("hello"))
				if got := f.userTimeoutAtServer(conn); got != userTimeout {
					t.Errorf("TCP_USER_TIMEOUT is %v, want %v (Multipath TCP: %v)", got, userTimeout, multipath)
				}
			}
			f.atServer(early[0], func(fd int) {
				if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on == 0 {
					t.Errorf("a client that came before the server has no keep-alive probes: %d, %v", on, err)
				}
			})
		})
	}
}

// A client that vanishes while it is owed an answer is given up, and the log says why.
func TestVanishedClient(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("here"))
		f.atServer(conn, func(fd int) {
			if err := setUserTimeout(fd, time.Second); err != nil { // not to wait for the real one
				t.Error(err)
			}
		})
		deafen(t, conn)
		if _, err := conn.Write([]byte("answer this")); err != nil {
			t.Fatal(err)
		}
		f.log.await(t, 1, "connection closed", "reason=timeout")
	})
}

// A client that does not read is there all the same: the timeout, which Linux would apply to it, is
// taken away as long as it does not, and comes back when it has.
func TestUserTimeoutSparesClientsThatDoNotRead(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("here"))
		lifted := false
		timeoutAfterLook := func() time.Duration {
			if f.server.Portable {
				f.atServer(conn, func(fd int) { lifted = fitUserTimeout(int32(fd), lifted) })
			} else {
				l := (*f.server.native.(*epollEngine).loops.Load())[0]
				l.await(func() { l.windowsAt = 0 }) // the look comes after the tasks
			}
			return f.userTimeoutAtServer(conn)
		}
		if got := timeoutAfterLook(); got != userTimeout {
			t.Errorf("TCP_USER_TIMEOUT of an idle client is %v", got)
		}
		sent := sendUntilStuck(t, conn)
		waitUntil(t, "the timeout is taken away", func() bool { return timeoutAfterLook() == 0 })
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(conn, sent); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the timeout is back", func() bool { return timeoutAfterLook() == userTimeout })
	})
}
