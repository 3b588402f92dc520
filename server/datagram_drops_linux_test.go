package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// flood sends n datagrams to a socket, which has room for a few.
func (f *datagrams) flood(n int) {
	f.t.Helper()
	conn := f.dial("", f.host())
	for range n {
		if _, err := conn.Write(randomBytes(100)); err != nil {
			f.t.Fatal(err)
		}
	}
}

func rawConn(t *testing.T, pc net.PacketConn) syscall.RawConn {
	t.Helper()
	raw, err := pc.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// stick has the server log that a datagram came from a port at which it serves datagrams itself.
func (f *datagrams) stick() {
	f.t.Helper()
	other, err := net.ListenPacket("udp4", "127.0.0.2:0")
	if err != nil {
		f.t.Fatal(err)
	}
	go f.server.ServePacket(other, &f.service)
	port := other.LocalAddr().(*net.UDPAddr).Port
	waitUntil(f.t, "the other socket is served", func() bool { return f.server.loops(netip.AddrPortFrom(netip.IPv6Loopback(), uint16(port))) })
	conn := f.dial(net.JoinHostPort(f.host(), fmt.Sprint(port)), f.host())
	if _, err := conn.Write([]byte("in a circle")); err != nil {
		f.t.Fatal(err)
	}
}

// What the kernel drops because the queue is full is counted, by the socket that it was sent to:
// nothing is lost without a trace. The count stays when the socket is gone.
func TestDatagramsDropped(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		log := holdingWriter{make(chan struct{}), make(chan struct{})}
		f.server.Logger = slog.New(slog.NewTextHandler(log, nil))
		pc := f.open()
		if err := pc.(*net.UDPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		f.flood(1000) // before it is served, by another process perhaps
		lost, ok := (&socketDrops{raw: rawConn(t, pc)}).ask()
		if !ok || lost == 0 || lost >= 1000 {
			t.Fatalf("%d of 1000 were dropped before: %t", lost, ok)
		}
		f.serve(pc)
		before := 1000 - uint64(lost)
		waitUntil(t, "the others are received", func() bool { return f.server.Stats().Datagrams.Received == before })
		if st := f.server.Stats().Datagrams; st.Dropped != 0 || st.DroppedUnknown {
			t.Errorf("what was dropped before is counted: %+v", st)
		}

		f.stick()
		wait(t, "the socket to be stuck in the log", log.heldC)
		f.flood(1000)
		dropped := f.server.Stats().Datagrams.Dropped
		close(log.releaseC)
		if dropped == 0 || dropped >= 1000 {
			t.Errorf("%d of 1000 were dropped", dropped)
		}
		waitUntil(t, "the others are received", func() bool {
			return f.server.Stats().Datagrams.Received == before+1+1000-dropped
		})
		f.server.Close()
		if st := f.server.Stats().Datagrams; st.Dropped != dropped {
			t.Errorf("in the end %d are dropped, want %d", st.Dropped, dropped)
		}
	})
}

// A Unix socket drops nothing, and of a net.PacketConn that hides its descriptor nothing is known.
func TestDatagramsDroppedOfOtherSockets(t *testing.T) {
	forEachUnixgram(t, func(t *testing.T, f *unixgramFixture) {
		trade(t, f.dial("client", true), []byte("it is served"))
		if st := f.server.Stats().Datagrams; st.Dropped != 0 || st.DroppedUnknown {
			t.Errorf("%+v", st)
		}
	})
	f := newDatagrams(t, datagramCases()[0], "127.0.0.1:0")
	f.serve(struct{ net.PacketConn }{f.open()})
	trade(t, f.dial("", f.host()), []byte("it is served"))
	if st := f.server.Stats().Datagrams; !st.DroppedUnknown {
		t.Errorf("%+v", st)
	}
}
