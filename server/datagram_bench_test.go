package server

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkDatagramJudge is what a datagram costs besides system calls.
func BenchmarkDatagramJudge(b *testing.B) {
	for _, bench := range []struct {
		name   string
		limits DatagramLimits
	}{
		{"unlimited", DatagramLimits{}},
		{"limited", DatagramLimits{PerSource: 1e9, Total: 1e9}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s, v := new(Server), new(Service)
			v.Apply(Terms{Limits: Limits{Datagrams: bench.limits}})
			begin(b, s, v)
			d := &datagramSocket{server: s, service: v, bound: netip.MustParseAddrPort("127.0.0.1:7"), repeats: newDatagramRepeats()}
			s.noteDatagramSocket(d, true)
			payload := make([]byte, 64)
			from := netip.MustParseAddrPort("127.0.0.1:40000")
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				binary.LittleEndian.PutUint64(payload, i)
				d.now = s.now()
				if d.accept(payload, 64, from, arrival{}) {
					d.answered(64, from, nil)
				}
			}
		})
	}
}

// BenchmarkDatagramBudget has more sources than are known at a time.
func BenchmarkDatagramBudget(b *testing.B) {
	budget := newDatagramBudget(DatagramLimits{PerSource: 10, Total: 1e9})
	source := netip.MustParseAddr("10.0.0.0")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		budget.take(time.Duration(i), source)
		source = source.Next()
	}
}

// BenchmarkDatagramEcho is a round trip at a time, the client's part included. No way may allocate
// for it, but packets, by net.Addr.
func BenchmarkDatagramEcho(b *testing.B) {
	for _, way := range datagramCases() {
		for _, local := range []string{"127.0.0.1:0", ":0"} {
			b.Run(way.name+"/"+local, func(b *testing.B) {
				pc, err := net.ListenPacket("udp", local)
				if err != nil {
					b.Fatal(err)
				}
				var s Server
				go s.servePacket(pc, nil, way.serve)
				defer s.Close()
				port := pc.LocalAddr().(*net.UDPAddr).Port
				conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				message := make([]byte, 64)
				b.ReportAllocs()
				for i := uint64(0); b.Loop(); i++ {
					binary.LittleEndian.PutUint64(message, i) // the same again and again would not be answered
					if _, err := conn.Write(message); err != nil {
						b.Fatal(err)
					}
					if n, err := conn.Read(message); err != nil || n != 64 {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}
