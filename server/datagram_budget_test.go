package server

import (
	"net/netip"
	"testing"
	"time"
)

// A source may use up a second's worth at once, and then gets as many as its rate.
func TestDatagramBudgetOfASource(t *testing.T) {
	b := newDatagramBudget(DatagramLimits{PerSource: 10})
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	count := func(at time.Duration, source netip.Addr) (n int) {
		for b.take(at, source) == notRefused {
			n++
		}
		return n
	}
	for _, step := range []struct {
		at     time.Duration
		source netip.Addr
		want   int
	}{
		{0, one, 10},
		{50 * time.Millisecond, one, 0},
		{100 * time.Millisecond, one, 1},
		{400 * time.Millisecond, one, 3},
		{400 * time.Millisecond, other, 10},
		{time.Minute, one, 10},
	} {
		if got := count(step.at, step.source); got != step.want {
			t.Errorf("%s at %v: %d, want %d", step.source, step.at, got, step.want)
		}
	}
}

// All addresses of an IPv6 network of 64 bits are one source. IPv4 addresses are not their
// neighbours.
func TestDatagramBudgetByNetwork(t *testing.T) {
	b := newDatagramBudget(DatagramLimits{PerSource: 1})
	for _, step := range []struct {
		source string
		want   Reason
	}{
		{"2001:db8::1", notRefused},
		{"2001:db8::ffff:ffff:ffff:ffff", RefusedSourceRate},
		{"2001:db8:0:1::1", notRefused},
		{"::1", notRefused},
		{"127.0.0.1", notRefused},
		{"127.0.0.2", notRefused},
		{"127.0.0.1", RefusedSourceRate},
	} {
		if got := b.take(0, netip.MustParseAddr(step.source)); got != step.want {
			t.Errorf("%s: %v, want %v", step.source, got, step.want)
		}
	}
}

// The total holds whatever the sources are, known or not, and what a source is refused does not
// count for it.
func TestDatagramBudgetInTotal(t *testing.T) {
	b := newDatagramBudget(DatagramLimits{PerSource: 2, Total: 100})
	source := netip.MustParseAddr("10.0.0.0")
	for range 50 {
		b.take(0, source)
	}
	answered := 2
	for range 20_000 {
		source = source.Next()
		if b.take(0, source) == notRefused {
			answered++
		}
	}
	if answered != 100 || b.take(0, netip.Addr{}) != RefusedDatagramRate {
		t.Errorf("%d were answered", answered)
	}
	if b.take(time.Second, netip.Addr{}) != notRefused {
		t.Error("nothing is answered a second later")
	}
}

// As many sources as are promised are remembered at a time, but for those that share a crowded set.
func TestDatagramBudgetRemembers(t *testing.T) {
	b := newDatagramBudget(DatagramLimits{PerSource: 1})
	const sources = sourceSets * sourcesPerSet / 4
	remembered := 0
	for range 2 {
		source := netip.MustParseAddr("10.0.0.0")
		for range sources {
			source = source.Next()
			if b.take(0, source) != notRefused {
				remembered++
			}
		}
	}
	if remembered < sources*9/10 || remembered > sources {
		t.Errorf("%d of %d", remembered, sources)
	}
}

// The same link-local address at two interfaces is two neighbours.
func TestDatagramBudgetOfNeighbours(t *testing.T) {
	b := newDatagramBudget(DatagramLimits{PerSource: 1})
	all := new(datagramSocket)
	own := &datagramSocket{bound: netip.MustParseAddrPort("[fe80::7%eth7]:7")}
	from := netip.MustParseAddr("fe80::1")
	for i, step := range []struct {
		socket *datagramSocket
		at     arrival
		want   Reason
	}{
		{all, arrival{index: 1}, notRefused},
		{all, arrival{index: 2}, notRefused},
		{own, arrival{}, notRefused},
		{all, arrival{index: 1}, RefusedSourceRate},
		{own, arrival{}, RefusedSourceRate},
	} {
		if got := b.take(0, step.socket.zoned(from, step.at)); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}
