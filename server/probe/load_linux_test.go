package probe

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Unix socket whose queue is full makes new connections wait, as a TCP one
// does; that is no failure.
func TestLoadFullQueue(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		if portable {
			return // Go's own dialer fails here: the kernel cannot tell it when to try again
		}
		l, err := net.Listen("unix", t.TempDir()+"/echo.sock")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		raw, err := l.(*net.UnixListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) }); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					echo(conn)
				}()
			}
		}()
		for _, mode := range []Mode{PingPong, Connect} {
			r := loadedUntil(t, Load{Network: "unix", Address: l.Addr().String(), Mode: mode, Connections: 50},
				func(r Report) bool { return r.Messages > 0 })
			if r.Failed() != 0 || r.Messages == 0 || mode == PingPong && r.Connections != 50 {
				t.Errorf("%s: %+v", mode, r)
			}
		}
	})
}

// Bytes that were not asked for are not taken for an answer even if they are
// equal to the ones that would come next. This is so after a whole period.
func TestLoadUnaskedBytes(t *testing.T) {
	address := streamServer(t, "tcp", func(conn net.Conn) {
		message := make([]byte, patternPeriod)
		for {
			if _, err := io.ReadFull(conn, message); err != nil {
				return
			}
			conn.Write(append(message, message...))
		}
	})
	r := loadedUntil(t, Load{Network: "tcp", Address: address, Size: patternPeriod},
		func(r Report) bool { return r.Failed() > 0 })
	if r.Failures[FailCorrupt] == 0 {
		t.Errorf("%+v, want unasked bytes to be seen", r)
	}
}

// Out of descriptors, the load goes on with the connections it has, and says so.
func TestLoadOutOfDescriptors(t *testing.T) {
	address := datagramServer(t, echoDatagram) // it needs no descriptors of its own
	bothEngines(t, func(t *testing.T, portable bool) {
		leaveDescriptors(t, 30)
		l := Load{Network: "udp", Address: address, Connections: 1000, Timeout: time.Second, portable: portable}
		r := loadedUntil(t, l, func(r Report) bool { return r.Messages > 0 })
		if r.Failures[FailDescriptors] == 0 || r.Messages == 0 {
			t.Errorf("%+v, want messages, and failures for want of descriptors", r)
		}
	})
}

// leaveDescriptors leaves this process no more than n free descriptors until the test ends. Those
// that an earlier test closes only now come on top.
func leaveDescriptors(t *testing.T, n int) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	for range n {
		free, err := unix.Dup(0) // the lowest one that is free; there may be gaps between them
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(free)
		few.Cur = uint64(free) + 1
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	})
}

// Opening and closing does not run out of ports, however many it needs: each
// one rests for a second or more after it was used.
func TestSourcesSpread(t *testing.T) {
	for _, tt := range []struct {
		address net.Addr
		want    int
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}, loopbackSources},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}, 0},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 7}, 0},
		{&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}, 0},
		{&net.UnixAddr{Net: "unix", Name: "/run/echo.sock"}, 0},
	} {
		s, err := newSockaddr(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		s.spreadSources()
		if len(s.sources) != tt.want {
			t.Errorf("%s: %d sources, want %d", tt.address, len(s.sources), tt.want)
		}
	}
}
