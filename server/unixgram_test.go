package server

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A unixgramFixture is a server of datagrams over a Unix socket.
type unixgramFixture struct {
	*datagrams
	dir string
	at  *net.UnixAddr
}

// forEachUnixgram runs a test for each way to serve datagrams that a Unix socket can be served by.
func forEachUnixgram(t *testing.T, test func(t *testing.T, f *unixgramFixture)) {
	t.Helper()
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f := &unixgramFixture{datagrams: newDatagrams(t, way, ""), dir: t.TempDir()}
			f.at = &net.UnixAddr{Name: filepath.Join(f.dir, "s"), Net: "unixgram"}
			pc, err := net.ListenUnixgram("unixgram", f.at)
			if err != nil {
				t.Fatal(err)
			}
			f.serve(pc)
			test(t, f)
		})
	}
}

// dial returns a client that has called connect, or one that has not.
func (f *unixgramFixture) dial(name string, connected bool) *net.UnixConn {
	f.t.Helper()
	local := &net.UnixAddr{Name: filepath.Join(f.dir, name), Net: "unixgram"}
	open := func() (*net.UnixConn, error) { return net.ListenUnixgram("unixgram", local) }
	if connected {
		open = func() (*net.UnixConn, error) { return net.DialUnix("unixgram", local, f.at) }
	}
	conn, err := open()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// send sends n datagrams of a byte, the number of each.
func (f *unixgramFixture) send(conn *net.UnixConn, n int) {
	f.t.Helper()
	for i := range n {
		var err error
		if conn.RemoteAddr() != nil {
			_, err = conn.Write([]byte{byte(i)})
		} else {
			_, err = conn.WriteTo([]byte{byte(i)}, f.at)
		}
		if err != nil {
			f.t.Fatalf("datagram %d of %d: %v", i, n, err)
		}
	}
}

// A client that does not read its answers holds up nothing: all that it sends is received, and
// others are answered. What cannot be sent to it is counted.
func TestUnixDatagramClientThatDoesNotRead(t *testing.T) {
	forEachUnixgram(t, func(t *testing.T, f *unixgramFixture) {
		const flood = 2000 // more than net.unix.max_dgram_qlen is anywhere
		f.send(f.dial("idler", false), flood)
		waitUntil(t, "all is received", func() bool { return f.server.Stats().Datagrams.Received == flood })
		waitUntil(t, "it is counted", func() bool { return f.server.Stats().Datagrams.Refused[RefusedUnsent] > 0 })
		trade(t, f.dial("reader", true), []byte("me too"))
	})
}

// The answers to a client that has called connect wait in the send buffer of the server, until it
// is full. Then there is no room for anybody, but receiving goes on, and so do the answers once
// that client is gone.
func TestUnixDatagramClientThatFillsTheSendBuffer(t *testing.T) {
	forEachUnixgram(t, func(t *testing.T, f *unixgramFixture) {
		const flood = 2000
		idler, reader := f.dial("idler", true), f.dial("reader", true)
		f.send(idler, flood)
		waitUntil(t, "all is received", func() bool { return f.server.Stats().Datagrams.Received == flood })
		if st := f.server.Stats().Datagrams; st.Sent >= flood {
			t.Errorf("the send buffer was not filled: %+v", st)
		}
		f.send(reader, 1)
		waitUntil(t, "it is received", func() bool { return f.server.Stats().Datagrams.Received == flood+1 })
		idler.Close()
		got := make([]byte, 10)
		if n, err := reader.Read(got); n != 1 || err != nil {
			t.Errorf("its answer, tried again: %d bytes, %v", n, err)
		}
	})
}

// Answers for which there is no room at once arrive, in their order, when the client reads.
func TestUnixDatagramAnswersThatAreLate(t *testing.T) {
	forEachUnixgram(t, func(t *testing.T, f *unixgramFixture) {
		client := f.dial("client", false)
		sent, kept := 0, 0
		for kept < latePerClient/2 {
			if sent++; sent > 2000 {
				t.Fatal("the client's queue was not filled")
			}
			if _, err := client.WriteTo(fmt.Append(nil, sent), f.at); err != nil {
				t.Fatal(err)
			}
			var st DatagramStats
			waitUntil(t, "it is received", func() bool {
				st = f.server.Stats().Datagrams
				return st.Received == uint64(sent)
			})
			kept = sent - int(st.Sent)
		}
		got := make([]byte, 10)
		for i := range sent {
			n, err := client.Read(got)
			if want := fmt.Sprint(i + 1); err != nil || string(got[:n]) != want {
				t.Fatalf("got %q, %v, want %q", got[:n], err, want)
			}
		}
		waitUntil(t, "all is counted", func() bool {
			return f.server.Stats().Datagrams == DatagramStats{Received: uint64(sent), Sent: uint64(sent)}
		})
	})
}

// What is left to send when the server ends is counted.
func TestUnixDatagramEndBesideAClientThatDoesNotRead(t *testing.T) {
	for _, connected := range []bool{false, true} {
		t.Run(fmt.Sprintf("connected=%t", connected), func(t *testing.T) {
			forEachUnixgram(t, func(t *testing.T, f *unixgramFixture) {
				f.send(f.dial("idler", connected), 1000)
				f.server.Close()
				if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
					t.Errorf("ServePacket returned %v", err)
				}
				if st := f.server.Stats().Datagrams; st.Received != st.Sent+st.Refused.Total() {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}
