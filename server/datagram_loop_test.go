package server

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A datagram that seems to come from another socket of the server, forged or not, is not answered.
func TestDatagramBetweenSocketsOfAServer(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		first := netip.AddrPortFrom(netip.MustParseAddr(f.host()), uint16(f.port))
		second := f.start()
		trade(t, f.dial("", f.host()), []byte("it is served"))
		if _, err := second.WriteTo([]byte("what is sent back"), net.UDPAddrFromAddrPort(first)); err != nil {
			t.Fatal(err)
		}
		f.awaitRefused(1, RefusedLoopPort)
		if st := f.server.Stats().Datagrams; st.Sent != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Two servers at ports that neither knows send one another the same datagram a thousand times, and
// no more.
func TestDatagramBetweenServers(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		payload := []byte("what is sent back")
		other := newDatagrams(t, f.way, f.local)
		second := other.start()
		f.start()
		if _, err := second.WriteTo(payload, &net.UDPAddr{IP: net.ParseIP(f.host()), Port: f.port}); err != nil {
			t.Fatal(err)
		}
		stats := func() (one, two DatagramStats) { return f.server.Stats().Datagrams, other.server.Stats().Datagrams }
		waitUntil(t, "the exchange ends", func() bool {
			one, two := stats()
			return one.Refused[RefusedRepeat]+two.Refused[RefusedRepeat] == 1
		})
		if one, two := stats(); one.Sent < repeatsMax || one.Refused.Total()+two.Refused.Total() != 1 {
			t.Errorf("%+v, %+v", one, two)
		}
		trade(t, f.dial("", f.host()), payload)
	})
}

// The same payload is answered so many times, then not for a second, and then again. A pause begins
// the count anew.
func TestDatagramRepeats(t *testing.T) {
	source := netip.MustParseAddrPort("192.0.2.1:4000")
	for _, test := range []struct {
		name     string
		size     int
		gap      time.Duration
		sent     int
		answered int
	}{
		{"without a pause", 64, time.Millisecond, 1000 + 999, 1000},
		{"and again after a second", 64, time.Millisecond, 1000 + 1000 + 1500, 1000 + 1000},
		{"across a network", 3, 150 * time.Millisecond, 1006, 1000},
		{"with pauses", 64, 210 * time.Millisecond, 5000, 5000},
		{"two bytes", 2, time.Microsecond, 100_100, 100_000},
		{"one byte", 1, time.Microsecond, 100_100, 100_000},
		{"no bytes", 0, time.Microsecond, 500_000, 500_000},
	} {
		r, answered := newDatagramRepeats(), 0
		for i := range test.sent {
			if !r.tooMany(time.Duration(i)*test.gap, make([]byte, test.size), source) {
				answered++
			}
		}
		if answered != test.answered {
			t.Errorf("%s: %d of %d were answered, want %d", test.name, answered, test.sent, test.answered)
		}
	}
}

// Every payload, address and port has a count of its own, and clients that vary theirs are always
// answered, beside one that does not and is not.
func TestDatagramRepeatsBesideOthers(t *testing.T) {
	r := newDatagramRepeats()
	var loops, refused int
	for i := range 200_000 {
		now := time.Duration(i) * 10 * time.Microsecond
		client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), uint16(5000+i%10))
		if r.tooMany(now, fmt.Append(nil, "number ", i), client) {
			t.Fatalf("a client that numbers its datagrams is not answered, at %v", now)
		}
		client = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::7"), uint16(1024+i%50_000))
		if r.tooMany(now, []byte("the same from many"), client) {
			t.Fatalf("clients that send the same are not answered, at %v", now)
		}
		if i%50 == 0 {
			loops++
			if r.tooMany(now, bytes.Repeat([]byte("loop"), 16), netip.MustParseAddrPort("192.0.2.9:7008")) {
				refused++
			}
		}
	}
	if refused < loops/4 {
		t.Errorf("%d of %d datagrams of a loop were not answered", refused, loops)
	}
}
