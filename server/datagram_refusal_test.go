package server

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

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
	var s Server
	s.prepare()
	defer s.stop()
	s.noteDatagramSocket(&datagramSocket{bound: netip.MustParseAddrPort("[::]:5007")}, true)
	answered := func(port uint16) bool { return !s.loops(netip.AddrPortFrom(netip.IPv6Loopback(), port)) }
	for _, port := range []uint16{0, 7, 13, 17, 19, 37, 53, 69, 123, 1900, 5007, 11211} {
		if answered(port) {
			t.Errorf("port %d is answered", port)
		}
	}
	for _, port := range []uint16{1, 8, 1023, 1901, 5006, 11212, 65535} {
		if !answered(port) {
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

// The reasons have the same names in the log and in the counters.
func TestDatagramsRefused(t *testing.T) {
	r := DatagramsRefused{LoopPort: 1, Repeat: 64, Broadcast: 2, SourceRate: 4, Rate: 8, Oversize: 16, Unsent: 32}
	var names []string
	for name, n := range r.All() {
		names = append(names, fmt.Sprint(name, "=", n))
	}
	const want = "loop-port=1 repeat=64 broadcast=2 source-rate=4 rate=8 oversize=16 unsent=32"
	if got := strings.Join(names, " "); got != want || r.Total() != 127 {
		t.Errorf("%s, in total %d", got, r.Total())
	}
	for range r.All() {
		break
	}
}
