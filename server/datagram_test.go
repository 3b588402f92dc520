package server

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Datagrams of every size come back whole, the empty one and the largest included.
func TestDatagramEcho(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		conn := f.dial("", f.host())
		var count, sum uint64
		for _, size := range []int{0, 1, 64, 1472, 1473, 9000, 0, 65507, 5} {
			trade(t, conn, randomBytes(size))
			count++
			sum += uint64(size)
		}
		want := Stats{BytesReceived: sum, BytesSent: sum, Datagrams: DatagramStats{Received: count, Sent: count}}
		waitUntil(t, "all is counted", func() bool { return f.server.Stats() == want })
		if lines, _ := f.log.matching(""); len(lines) > 0 {
			t.Errorf("log: %q", lines)
		}
	})
}

// A client that asked one of the addresses of the machine gets its answer from that one: a
// connected socket takes no other.
func TestDatagramAnswerComesFromTheAddressAsked(t *testing.T) {
	for _, way := range datagramCases()[:2] {
		for local, hosts := range map[string][]string{
			"0.0.0.0:0": {"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			":0":        {"127.0.0.2", "::1", "127.0.0.3"},
			"[::]:0":    {"::1", "127.0.0.2"},
		} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				f := newDatagrams(t, way, local)
				f.start()
				for _, host := range hosts {
					trade(t, f.dial("", host), []byte("from "+host))
				}
			})
		}
	}
}

// Datagrams that came before the socket was served, such as the one for which inetd(8) starts a
// server, are answered as any others, in their order.
func TestDatagramsBeforeServing(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		pc := f.open()
		conn := f.dial("", f.host())
		early := make([][]byte, 40)
		for i := range early {
			early[i] = randomBytes(i * i)
			if _, err := conn.Write(early[i]); err != nil {
				t.Fatal(err)
			}
		}
		f.serve(pc)
		got := make([]byte, datagramBuffer)
		for i, want := range early {
			if n, err := conn.Read(got); err != nil || !bytes.Equal(got[:n], want) {
				t.Errorf("answer %d has %d bytes, want %d, %v", i, n, len(want), err)
			}
		}
	})
}

// A socket that is connected to one client hears of it when that client is gone. It is served on.
func TestConnectedDatagramSocket(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			f := newDatagrams(t, way, "127.0.0.1:0")
			client, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("udp", client.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			f.port = conn.LocalAddr().(*net.UDPAddr).Port
			f.serve(conn.(*net.UDPConn))
			if _, err := client.WriteTo([]byte("bye"), conn.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			client.Close()
			waitUntil(t, "it is received", func() bool { return f.server.Stats().Datagrams.Received == 1 })
			if client, err = net.ListenPacket("udp", client.LocalAddr().String()); err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			got := make([]byte, 100)
			waitUntil(t, "it answers", func() bool {
				client.WriteTo([]byte("there?"), conn.LocalAddr())
				client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				n, _, err := client.ReadFrom(got)
				return err == nil && string(got[:n]) == "there?"
			})
		})
	}
}

func TestManyDatagramClients(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		const clients, rounds = 64, 20
		f.start()
		var done sync.WaitGroup
		for i := range clients {
			conn := f.dial("", f.host())
			done.Go(func() {
				for j := range rounds {
					trade(t, conn, fmt.Appendf(nil, "client %d, %d", i, j))
				}
			})
		}
		done.Wait()
		waitUntil(t, "all is counted", func() bool { return f.server.Stats().Datagrams.Sent == clients*rounds })
	})
}

func TestSeveralDatagramSockets(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		first := f.dial("", f.host())
		f.start()
		second := f.dial("", f.host())
		trade(t, first, []byte("one"))
		trade(t, second, []byte("two"))
	})
}

// Streams and datagrams are served by one server.
func TestDatagramsBesideStreams(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "127.0.0.1:0")
	f.start()
	l := listen(t, "tcp4")
	go f.server.Serve(l, &f.service)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exchange(t, conn, []byte("stream"))
	trade(t, f.dial("", "127.0.0.1"), []byte("datagram"))
}

// Any net.PacketConn is served: here datagrams over a Unix socket. One that does not fit is not
// answered cut.
func TestUnixDatagrams(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "")
	dir := t.TempDir()
	pc, err := net.ListenPacket("unixgram", filepath.Join(dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	f.serve(pc)
	conn, err := net.DialUnix("unixgram",
		&net.UnixAddr{Name: filepath.Join(dir, "client"), Net: "unixgram"}, pc.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	trade(t, conn, []byte("hello"))
	trade(t, conn, randomBytes(datagramBuffer-1))
	if _, err := conn.Write(randomBytes(datagramBuffer + 1)); err != nil {
		t.Fatal(err)
	}
	f.awaitRefused(1, RefusedOversize)
	trade(t, conn, []byte("hello again"))

	nameless, err := net.Dial("unixgram", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nameless.Close()
	if _, err := nameless.Write([]byte("answer me")); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "it is refused", func() bool { return f.server.Stats().Datagrams.Refused[RefusedUnsent] == 1 })
	trade(t, conn, []byte("and again"))
}
