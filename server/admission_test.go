package server

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSourceOf(t *testing.T) {
	for _, test := range []struct{ addr, source string }{
		{"127.0.0.1", "127.0.0.1"},
		{"127.0.0.2", "127.0.0.2"},
		{"::ffff:127.0.0.1", "127.0.0.1"},
		{"2001:db8:1:2::1", "2001:db8:1:2::"},
		{"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"},
		{"2001:db8:1:3::1", "2001:db8:1:3::"},
		{"::1", "::"},
		{"2001:db8:1:2::1%eth0", "2001:db8:1:2::"},
		{"fe80::1%eth0", "fe80::1%eth0"},
		{"fe80::1%eth1", "fe80::1%eth1"},
		{"fe80::2%eth1", "fe80::2%eth1"},
		{"64:ff9b::192.0.2.1", "192.0.2.1"},
		{"64:ff9b::192.0.2.2", "192.0.2.2"},
		{"64:ff9b:0:1::192.0.2.2", "64:ff9b:0:1::"},
		{"64:ff9b:1:2:3::192.0.2.1", "64:ff9b:1:2:3::192.0.2.1"},
		{"64:ff9b:2::192.0.2.1", "64:ff9b:2::"},
		{"2002:c000:201:5:6::7", "192.0.2.1"},
		{"2001:0:c633:6401:8000:63bf:3fff:fdd2", "192.0.2.45"},
		{"2001:1::1", "2001:1::"},
	} {
		if got := sourceOf(netip.MustParseAddr(test.addr)); got != netip.MustParseAddr(test.source) {
			t.Errorf("%s: %v, want %s", test.addr, got, test.source)
		}
	}
}

// A second's worth of events may come at once, then one an interval.
func TestRateLimiter(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name      string
		perSecond float64
		at        []time.Duration
		want      string // + allowed, - not
	}{
		{"a second's worth", 4, []time.Duration{0, 0, 0, 0, 0, 0}, "++++--"},
		{"one an interval then", 4, []time.Duration{0, 0, 0, 0, 249 * ms, 250 * ms, 250 * ms, 500 * ms}, "++++-+-+"},
		{"no more saved than a second's worth", 4, []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}, "++++-"},
		{"who is refused is not charged", 1, []time.Duration{0, 999 * ms, 999 * ms, 1000 * ms}, "+--+"},
		{"less than one a second", 0.5, []time.Duration{0, 0, 1999 * ms, 2000 * ms}, "+--+"},
		{"very many", 1e12, []time.Duration{0, 0, 0}, "+++"},
		{"next to none", 1e-300, []time.Duration{0, 0, 24 * 365 * time.Hour}, "+--"},
		{"no limit", 0, []time.Duration{0, 0, 0}, "+++"},
	} {
		r := newRateLimiter(test.perSecond)
		var got strings.Builder
		for _, at := range test.at {
			got.WriteString(map[bool]string{true: "+", false: "-"}[r.allow(netip.MustParseAddr("192.0.2.1"), at)])
		}
		if got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, &got, test.want)
		}
	}
}

// No source is refused for what others did, however many there are. As many as are promised are
// remembered, but for those in a crowded set.
func TestRateLimiterTellsSourcesApart(t *testing.T) {
	r := newRateLimiter(1)
	a := netip.MustParseAddr("10.0.0.0")
	for i := range 10 * sourceSets * sourcesPerSet {
		if !r.allow(a, 0) {
			t.Fatalf("source %d was refused at the first time", i)
		}
		a = a.Next()
	}
	r = newRateLimiter(1)
	const sources = sourceSets * sourcesPerSet / 4
	for _, most := range []int{sources, sources / 50} {
		a, allowed := netip.MustParseAddr("10.0.0.0"), 0
		for range sources {
			if r.allow(a, 0) {
				allowed++
			}
			a = a.Next()
		}
		if allowed > most {
			t.Errorf("%d of %d were allowed, want at most %d", allowed, sources, most)
		}
	}
}

// A new source takes the place of one whose rate says least, not of one that has used up its rate.
func TestRateLimiterForgetsTheIdle(t *testing.T) {
	var set [sourcesPerSet]knownSource
	r := newRate(1)
	busy, a := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.0.0.0")
	r.take(find(&set, busy), time.Minute)
	for range 3 * sourcesPerSet {
		r.take(find(&set, a), 0)
		a = a.Next()
	}
	if r.take(find(&set, busy), time.Minute) {
		t.Error("a source was forgotten while others said less")
	}
}

// The addresses of one network are one source.
func TestRateLimiterByNetwork(t *testing.T) {
	r := newRateLimiter(1)
	r.allow(netip.MustParseAddr("2001:db8::1"), 0)
	if r.allow(netip.MustParseAddr("2001:db8::2"), 0) {
		t.Error("a network got the rate of two by two of its addresses")
	}
}

// What waits for a connection hears of it once, and only when there may be one.
func TestWaitForAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{MaxConnections: 1}
		v := new(Service)
		begin(t, s, v)
		calls := 0
		if !v.acquire(nil) || v.acquire(func() { calls++ }) {
			t.Fatal("there may be one connection")
		}
		ctx, cancel := context.WithCancel(t.Context())
		gotC := make(chan bool, 2)
		go func() { gotC <- v.wait(ctx) }()
		go func() { gotC <- v.wait(ctx) }()
		synctest.Wait()
		if len(gotC) != 0 || calls != 0 {
			t.Errorf("without a connection: %d waits are over, %d calls", len(gotC), calls)
		}
		v.release()
		synctest.Wait()
		if len(gotC) != 1 || !<-gotC {
			t.Error("one connection was not for one of two")
		}
		cancel()
		if <-gotC {
			t.Error("a connection was had twice")
		}
		v.release()
		if calls != 1 || s.connections.taken != 0 || v.connections.taken != 0 {
			t.Errorf("%d calls, %d connections taken", calls, s.connections.taken)
		}
	})
}

// A line a second about each reason is the most; it says how many were not logged since the last
// one.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &Server{Logger: textLogger(&log)}
		v := new(Service)
		begin(t, s, v)
		n := &session{local: &localEnd{"tcp", "127.0.0.1:7"}, remote: endpoint{ip: netip.MustParseAddrPort("127.0.0.2:9")}}
		for range 5 {
			v.refuseConnection(n, RefusedSourceLimit)
		}
		v.refuseConnection(n, RefusedConnectionRate)
		time.Sleep(time.Second)
		v.refuseConnection(n, RefusedSourceLimit)
		v.refuseConnection(n, RefusedSourceLimit)

		const line = `level=INFO msg="connection refused" network=tcp local=127.0.0.1:7 remote=127.0.0.2:9 reason=`
		var got []string
		for l := range strings.Lines(log.String()) {
			_, l, _ = strings.Cut(l, " ")
			got = append(got, strings.TrimSpace(l))
		}
		want := []string{line + "source-limit held_back=0", line + "rate held_back=0", line + "source-limit held_back=4"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
