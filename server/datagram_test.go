package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A datagramWay is one of the ways to serve a socket. All must behave the same, but that only the first
// two know which address was asked.
type datagramWay struct {
	name string
	echo func(*datagramSocket) error
}

func datagramWays() []datagramWay {
	return []datagramWay{
		{"native", (*datagramSocket).echo},
		{"messages", (*datagramSocket).echoMessages},
		{"packets", (*datagramSocket).echoPackets},
	}
}

// forEachWay runs a test for each way to serve datagrams, on each kind of UDP socket.
func forEachWay(t *testing.T, test func(t *testing.T, f *datagrams)) {
	t.Helper()
	for _, way := range datagramWays() {
		for _, local := range []string{"127.0.0.1:0", "[::1]:0", ":0", "0.0.0.0:0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				t.Parallel()
				test(t, newDatagrams(t, way, local))
			})
		}
	}
}

// datagrams is a server of datagrams with its log, and what is needed to talk to it.
type datagrams struct {
	t      *testing.T
	way    datagramWay
	local  string // where start listens
	server Server
	log    *logbook

	port    int
	servedC <-chan error // what the last ServePacket returned
}

func newDatagrams(t *testing.T, way datagramWay, local string) *datagrams {
	d := &datagrams{t: t, way: way, local: local, log: newLogbook()}
	d.server.Logger = textLogger(d.log)
	return d
}

// start serves one more socket, the one to dial from now on, until the test ends.
func (f *datagrams) start() net.PacketConn {
	f.t.Helper()
	pc := f.open()
	f.serve(pc)
	return pc
}

func (f *datagrams) open() net.PacketConn {
	f.t.Helper()
	a, err := ParseAddress("udp://" + f.local)
	if err != nil {
		f.t.Fatal(err)
	}
	pc, err := a.ListenPacket(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.port = pc.LocalAddr().(*net.UDPAddr).Port
	return pc
}

func (f *datagrams) serve(pc net.PacketConn) {
	servedC := make(chan error, 1)
	f.servedC = servedC
	go func() { servedC <- f.server.servePacket(pc, f.way.echo) }()
	f.t.Cleanup(func() { f.server.Close() })
}

// host is an address that the server can be asked at.
func (f *datagrams) host() string {
	if host, _, _ := net.SplitHostPort(f.local); host != "" && host != "0.0.0.0" {
		return host
	}
	return "127.0.0.1"
}

// dial returns a client of the server at host, bound to local, or to any address if that is "".
func (f *datagrams) dial(local, host string) *net.UDPConn {
	f.t.Helper()
	var dialer net.Dialer
	if local != "" {
		addr, err := net.ResolveUDPAddr("udp", local)
		if err != nil {
			f.t.Fatal(err)
		}
		dialer.LocalAddr = addr
	}
	conn, err := dialer.Dial("udp", net.JoinHostPort(host, fmt.Sprint(f.port)))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.UDPConn)
}

// trade sends one datagram and waits for one, which must be the same.
func trade(t *testing.T, conn net.Conn, message []byte) {
	t.Helper()
	if _, err := conn.Write(message); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, datagramBuffer)
	n, err := conn.Read(got)
	if err != nil || !bytes.Equal(got[:n], message) {
		t.Errorf("sent %d bytes, got %d, %v", len(message), n, err)
	}
}

// awaitRefused waits until n datagrams have been refused, and checks that all were for the reason given.
func (f *datagrams) awaitRefused(n uint64, why datagramRefusal) {
	f.t.Helper()
	waitUntil(f.t, "they are refused", func() bool { return f.server.Stats().Datagrams.Refused.Total() >= n })
	for reason, count := range f.server.Stats().Datagrams.Refused.All() {
		if want := map[bool]uint64{true: n}[reason == why.String()]; count != want {
			f.t.Errorf("refused by reason %s: %d, want %d", reason, count, want)
		}
	}
}

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

// A client that asked one of the addresses of the machine gets its answer from that one: a connected
// socket takes no other.
func TestDatagramAnswerComesFromTheAddressAsked(t *testing.T) {
	for _, way := range datagramWays()[:2] {
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

// Datagrams that came before the socket was served, such as the one for which inetd(8) starts a server, are
// answered as any others, in their order.
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

// What comes from a port that would answer is counted, and never answered. Only root can send from
// those below 1024.
func TestDatagramFromLoopPort(t *testing.T) {
	for _, way := range datagramWays() {
		t.Run(way.name, func(t *testing.T) {
			f := newDatagrams(t, way, "127.0.0.1:0")
			f.start()
			ports := []uint16{uint16(f.port)}
			for _, p := range loopPorts[1:] {
				if p.port >= 1024 || os.Geteuid() == 0 {
					ports = append(ports, p.port)
				}
			}
			for i, port := range ports {
				conn := f.dial(fmt.Sprintf("127.0.0.77:%d", port), f.host())
				if _, err := conn.Write([]byte("ping")); err != nil {
					t.Fatal(err)
				}
				f.awaitRefused(uint64(i+1), datagramLoopPort)
				conn.Close()
			}
			trade(t, f.dial("", f.host()), []byte("others are served"))
			if st := f.server.Stats().Datagrams; st.Sent > 1 {
				t.Errorf("%d answers", st.Sent)
			}
		})
	}
}

func TestLoopPorts(t *testing.T) {
	for i, p := range loopPorts {
		if i > 0 && p.port <= loopPorts[i-1].port || p.why == "" {
			t.Errorf("port %d is out of order, or there for no reason", p.port)
		}
	}
	for _, port := range []uint16{0, 7, 13, 17, 19, 37, 53, 69, 123, 1900, 11211} {
		if !loopProne(port) {
			t.Errorf("port %d is answered", port)
		}
	}
	for _, port := range []uint16{1, 8, 1023, 1901, 11212, 65535} {
		if loopProne(port) {
			t.Errorf("port %d is not answered", port)
		}
	}
}

// A broadcast address of the machine's own networks is none to answer from.
func TestDatagramToBroadcast(t *testing.T) {
	for _, way := range datagramWays()[:2] {
		for _, local := range []string{":0", "0.0.0.0:0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				f := newDatagrams(t, way, local)
				f.start()
				trade(t, f.dial("", "127.0.0.1"), []byte("one"))
				if _, err := f.dial("", "127.255.255.255").Write([]byte("all of you")); err != nil {
					t.Fatal(err)
				}
				f.awaitRefused(1, datagramBroadcast)
				trade(t, f.dial("", "127.0.0.1"), []byte("you"))
			})
		}
	}
}

// The log has the line that scripts read, and no more than a flood is worth.
func TestDatagramRefusedLog(t *testing.T) {
	f := newDatagrams(t, datagramWays()[0], "127.0.0.1:0")
	f.start()
	conn := f.dial("127.0.0.1:1900", "127.0.0.1")
	const flood = 200
	for i := range flood {
		if _, err := conn.Write([]byte("12345")); err != nil {
			t.Fatal(err)
		}
		f.awaitRefused(uint64(i+1), datagramLoopPort)
	}
	want := fmt.Sprintf(`level=WARN msg="datagram refused" network=udp local=127.0.0.1:%d remote=127.0.0.1:1900 bytes=5 reason=loop-port held_back=0`, f.port)
	if lines := f.log.await(t, 1, ""); lines[0] != want {
		t.Errorf("got  %s\nwant %s", lines[0], want)
	}
	if lines, _ := f.log.matching(""); len(lines) > flood/4 {
		t.Errorf("%d lines", len(lines))
	}
}

// One source that is over its limit does not take from another.
func TestDatagramLimitPerSource(t *testing.T) {
	for _, way := range datagramWays() {
		for _, local := range []string{"127.0.0.1:0", ":0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				f := newDatagrams(t, way, local)
				f.server.Datagrams.PerSource = 1
				f.start()
				greedy := f.dial("127.0.0.44:0", f.host())
				waitUntil(t, "the greedy one is refused", func() bool {
					greedy.Write([]byte("more"))
					return f.server.Stats().Datagrams.Refused.SourceRate > 0
				})
				trade(t, f.dial("127.0.0.45:0", f.host()), []byte("modest"))
			})
		}
	}
}

func TestDatagramLimitInTotal(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.server.Datagrams.Total = 1
		f.start()
		conn := f.dial("", f.host())
		trade(t, conn, []byte("the first"))
		waitUntil(t, "it is too much", func() bool {
			conn.Write([]byte("more"))
			return f.server.Stats().Datagrams.Refused.Rate > 0
		})
	})
}

// Clients that are gone when they are answered, so that ICMP says so, do no harm to others.
func TestDatagramClientsThatAreGone(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		for range 50 {
			conn := f.dial("", f.host())
			if _, err := conn.Write([]byte("bye")); err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
		trade(t, f.dial("", f.host()), []byte("still there"))
	})
}

// A socket that is connected to one client hears of it when that client is gone. It is served on.
func TestConnectedDatagramSocket(t *testing.T) {
	for _, way := range datagramWays() {
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

// Shutdown and Close end serving in the middle of traffic: every datagram that was received has been answered.
func TestDatagramsEndInTraffic(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			forEachWay(t, func(t *testing.T, f *datagrams) {
				pc := f.start()
				stop := make(chan struct{})
				var clients sync.WaitGroup
				for range 4 {
					conn := f.dial("", f.host())
					clients.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								conn.Write([]byte("on and on")) // refused after the end
							}
						}
					})
				}
				waitUntil(t, "there is traffic", func() bool { return f.server.Stats().Datagrams.Sent > 1000 })
				if err := end(&f.server); err != nil {
					t.Error(err)
				}
				if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
					t.Errorf("ServePacket returned %v", err)
				}
				close(stop)
				clients.Wait()
				if _, err := pc.WriteTo(nil, pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the socket was left open: %v", err)
				}
				if st := f.server.Stats().Datagrams; st.Received != st.Sent+st.Refused.Total() {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

func TestServePacketAfterClose(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.server.Close()
		pc := f.start()
		if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("ServePacket returned %v", err)
		}
		if _, _, err := pc.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the socket was left open: %v", err)
		}
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
	f := newDatagrams(t, datagramWays()[0], "127.0.0.1:0")
	f.start()
	l := listen(t, "tcp4")
	go f.server.Serve(l)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exchange(t, conn, []byte("stream"))
	trade(t, f.dial("", "127.0.0.1"), []byte("datagram"))
}

// Any net.PacketConn is served: here datagrams over a Unix socket. One that does not fit is not answered cut.
func TestUnixDatagrams(t *testing.T) {
	f := newDatagrams(t, datagramWays()[0], "")
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
	f.awaitRefused(1, datagramOversize)
	trade(t, conn, []byte("hello again"))

	nameless, err := net.Dial("unixgram", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nameless.Close()
	if _, err := nameless.Write([]byte("answer me")); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "it is refused", func() bool { return f.server.Stats().Datagrams.Refused.Unsent == 1 })
	trade(t, conn, []byte("and again"))
}

// A scriptedPacketConn fails as its script says, and knows no deadlines.
type scriptedPacketConn struct {
	net.PacketConn
	script []error
}

func (c *scriptedPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if len(c.script) == 0 {
		return c.PacketConn.ReadFrom(p)
	}
	err := c.script[0]
	c.script = c.script[1:]
	return 0, nil, &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", err)}
}

func (c *scriptedPacketConn) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

func scripted(t *testing.T, script ...error) *scriptedPacketConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &scriptedPacketConn{pc, script}
}

func TestDatagramErrorsThatPass(t *testing.T) {
	f := newDatagrams(t, datagramWays()[0], "")
	pc := scripted(t, syscall.ECONNREFUSED, syscall.ENOBUFS, syscall.EHOSTUNREACH)
	f.port = pc.LocalAddr().(*net.UDPAddr).Port
	f.serve(pc)
	trade(t, f.dial("", "127.0.0.1"), []byte("all is well"))
	f.server.Close()
	if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
		t.Errorf("ServePacket returned %v", err)
	}
}

func TestDatagramErrorForGood(t *testing.T) {
	f := newDatagrams(t, datagramWays()[0], "")
	pc := scripted(t, syscall.EBADF)
	f.serve(pc)
	if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, syscall.EBADF) {
		t.Errorf("ServePacket returned %v", err)
	}
	if _, err := pc.WriteTo(nil, pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket was left open: %v", err)
	}
}

// The reasons have the same names in the log and in the counters.
func TestDatagramsRefused(t *testing.T) {
	r := DatagramsRefused{LoopPort: 1, Broadcast: 2, SourceRate: 4, Rate: 8, Oversize: 16, Unsent: 32}
	var names []string
	for name, n := range r.All() {
		names = append(names, fmt.Sprint(name, "=", n))
	}
	const want = "loop-port=1 broadcast=2 source-rate=4 rate=8 oversize=16 unsent=32"
	if got := strings.Join(names, " "); got != want || r.Total() != 63 {
		t.Errorf("%s, in total %d", got, r.Total())
	}
	for range r.All() {
		break
	}
}
