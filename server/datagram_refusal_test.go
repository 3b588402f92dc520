package server

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// What comes from a port that would answer is counted, and never answered. Only root can send from
// those below 1024.
func TestDatagramFromLoopPort(t *testing.T) {
	for _, way := range datagramCases() {
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
				f.awaitRefused(uint64(i+1), RefusedLoopPort)
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
	v := new(Service)
	begin(t, &s, v)
	s.noteDatagramSocket(&datagramSocket{service: v, bound: netip.MustParseAddrPort("[::]:5007")}, true)
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
	for _, way := range datagramCases()[:2] {
		for _, local := range []string{":0", "0.0.0.0:0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				f := newDatagrams(t, way, local)
				f.start()
				trade(t, f.dial("", "127.0.0.1"), []byte("one"))
				if _, err := f.dial("", "127.255.255.255").Write([]byte("all of you")); err != nil {
					t.Fatal(err)
				}
				f.awaitRefused(1, RefusedBroadcast)
				trade(t, f.dial("", "127.0.0.1"), []byte("you"))
			})
		}
	}
}

// The log has the line that scripts read, and no more than a flood is worth.
func TestDatagramRefusedLog(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "127.0.0.1:0")
	f.start()
	conn := f.dial("127.0.0.1:1900", "127.0.0.1")
	const flood = 200
	for i := range flood {
		if _, err := conn.Write([]byte("12345")); err != nil {
			t.Fatal(err)
		}
		f.awaitRefused(uint64(i+1), RefusedLoopPort)
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
	for _, way := range datagramCases() {
		for _, local := range []string{"127.0.0.1:0", ":0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				f := newDatagrams(t, way, local)
				f.terms.Limits.Datagrams.PerSource = 1
				f.start()
				greedy := f.dial("127.0.0.44:0", f.host())
				waitUntil(t, "the greedy one is refused", func() bool {
					greedy.Write([]byte("more"))
					return f.server.Stats().Datagrams.Refused[RefusedSourceRate] > 0
				})
				trade(t, f.dial("127.0.0.45:0", f.host()), []byte("modest"))
			})
		}
	}
}

func TestDatagramLimitInTotal(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.terms.Limits.Datagrams.Total = 1
		f.start()
		conn := f.dial("", f.host())
		trade(t, conn, []byte("the first"))
		waitUntil(t, "it is too much", func() bool {
			conn.Write([]byte("more"))
			return f.server.Stats().Datagrams.Refused[RefusedDatagramRate] > 0
		})
	})
}

// The reasons have the same names in the log and in the counters.
func TestReasons(t *testing.T) {
	r := Refusals{
		RefusedSourceLimit: 128, RefusedConnectionRate: 256, RefusedAccess: 512,
		RefusedLoopPort: 1, RefusedRepeat: 64, RefusedBroadcast: 2, RefusedSourceRate: 4,
		RefusedDatagramRate: 8, RefusedOversize: 16, RefusedUnsent: 32,
	}
	for want, all := range map[string]iter.Seq2[string, uint64]{
		"source-limit=128 rate=256 access=512": r.Connections(),

		"loop-port=1 repeat=64 broadcast=2 source-rate=4 rate=8 oversize=16 unsent=32": r.Datagrams(),
	} {
		var names []string
		for name, n := range all {
			names = append(names, fmt.Sprint(name, "=", n))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		for range all {
			break
		}
	}
	if r.Total() != 1023 {
		t.Errorf("in total %d", r.Total())
	}
}
