package probe

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// A good server under every load: nothing fails, and the figures fit together.
func TestLoadGoodServer(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		addresses := map[string]string{
			"tcp":  streamServer(t, "tcp", echo),
			"unix": streamServer(t, "unix", echo),
			"udp":  datagramServer(t, echoDatagram),
		}
		for _, l := range []Load{
			{Network: "tcp"},
			{Network: "tcp", Connections: 300},
			{Network: "tcp", Connections: 5, Workers: 3},
			{Network: "tcp", Connections: 3, Size: 1},
			{Network: "tcp", Connections: 3, Size: 1 << 20},
			{Network: "tcp", Connections: 3, Size: patternPeriod * 2},
			{Network: "tcp", Connections: 3, Rate: 1000},
			{Network: "tcp", Mode: Stream, Connections: 3},
			{Network: "tcp", Mode: Stream, Connections: 3, Size: 100_003},
			{Network: "tcp", Mode: Stream, Connections: 3, Size: 1 << 20},
			{Network: "tcp", Mode: Stream, Connections: 3, Rate: 1000},
			{Network: "tcp", Mode: Connect, Connections: 10},
			{Network: "tcp", Mode: Connect, Connections: 10, Rate: 200},
			{Network: "unix", Connections: 3, Size: 1 << 20},
			{Network: "unix", Mode: Stream, Connections: 3, Size: 100_003},
			{Network: "unix", Mode: Connect, Connections: 3},
			{Network: "udp", Connections: 3},
			{Network: "udp", Connections: 3, Size: -1},
			{Network: "udp", Connections: 2, Size: maxDatagram},
			{Network: "udp", Connections: 3, Rate: 500},
			{Network: "udp", Mode: Connect, Connections: 3},
		} {
			l.Address, l.portable = addresses[l.Network], portable
			name := fmt.Sprintf("%s %s, %d connections, size %d, rate %g", l.Network, l.Mode, l.Connections, l.Size, l.Rate)
			r := loadedUntil(t, l, func(r Report) bool { return r.Messages > 0 && r.Latency.Count > 0 })
			if len(r.Failures) > 0 || r.Failed() > 0 {
				t.Errorf("%s: failures %v", name, r.Failures)
			}
			if r.Messages == 0 || r.Latency.Count == 0 || r.Total < r.Messages {
				t.Errorf("%s: nothing measured: %+v", name, r)
			}
			la := r.Latency
			if la.Min <= 0 || la.P50 < la.Min || la.P99 < la.P50 || la.P9999 < la.P99 || la.Max < la.P9999 {
				t.Errorf("%s: latencies do not fit together: %+v", name, la)
			}
			if want := max(l.Connections, 1); l.Mode != Connect && r.Connections != want {
				t.Errorf("%s: %d connections, want %d", name, r.Connections, want)
			}
			if r.Elapsed < 100*time.Millisecond || r.Elapsed%(100*time.Millisecond) != 0 || r.Remote != l.Address {
				t.Errorf("%s: %+v", name, r)
			}
		}
	})
}

// An open loop accounts for each message that was due, exactly, and counts
// its latency from when it was due: a server that does 10 in the time of 50
// cannot hide how long the others wait. A closed loop sees only the 10.
func TestLoadCoordinatedOmission(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		t.Parallel()
		const pause = 50 * time.Millisecond
		for _, mode := range []Mode{PingPong, Connect} {
			l := Load{
				Network: "tcp", Address: streamServer(t, "tcp", slow(pause)), Mode: mode,
				Duration: 10 * pause, Rate: 100, portable: portable,
			}
			open := loaded(t, l)
			if open.Latency.Count != 50 || open.Unsent < 50-10-1 {
				t.Errorf("%s, open loop: %+v, want each of 50 messages accounted for", mode, open)
			}
			if open.Latency.P50 < 2*pause {
				t.Errorf("%s, open loop: half the messages took less than %v", mode, open.Latency.P50)
			}
			l.Rate = 0
			if closed := loaded(t, l); closed.Latency.Count > 10 || closed.Unsent != 0 || closed.Latency.Min < pause {
				t.Errorf("%s, closed loop: %+v", mode, closed)
			}
		}
	})
}

// What happens in the warm-up is not measured: of 70 messages that are due, 20.
func TestLoadWarmUp(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		r := loaded(t, Load{
			Network: "tcp", Address: streamServer(t, "tcp", echo), Connections: 3, portable: portable,
			Rate: 100, WarmUp: 500 * time.Millisecond, Duration: 200 * time.Millisecond,
		})
		if r.Latency.Count != 20 || r.Messages > 20+50 || r.Total+r.Unsent != 70 {
			t.Errorf("%+v", r)
		}
	})
}

// Idle connections are asked at the beginning and at the end, and not between.
func TestLoadIdle(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		const n = 200
		var open, most atomic.Int32
		address := streamServer(t, "tcp", func(conn net.Conn) {
			if now := open.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer open.Add(-1)
			echo(conn)
		})
		r := loaded(t, Load{Network: "tcp", Address: address, Mode: Idle, Connections: n, portable: portable})
		if r.Connections != n || r.Total != 2*n || r.Latency.Count != n || r.Failed() != 0 {
			t.Errorf("%+v", r)
		}
		if got := most.Load(); got < n {
			t.Errorf("%d connections open at once, want %d", got, n)
		}
	})
}

// Everything that was sent has come back at the end, and every message of it
// has been counted once, however the stream was cut into pieces on the way.
func TestLoadStreamIsCounted(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		for _, rate := range []float64{0, 5000} {
			var echoed atomic.Int64
			address := streamServer(t, "tcp", func(conn net.Conn) {
				n, _ := io.Copy(plainWriter{conn}, conn)
				echoed.Add(n)
			})
			const size = 777
			r := loaded(t, Load{Network: "tcp", Address: address, Mode: Stream, Connections: 3, Size: size, Rate: rate, portable: portable})
			eventually(t, func() bool { return uint64(echoed.Load()) == r.Total*size })
			if uint64(echoed.Load()) != r.Total*size {
				t.Errorf("rate %g: %d messages of %d bytes counted, %d bytes echoed", rate, r.Total, size, echoed.Load())
			}
		}
	})
}

// While the load runs, Progress is told how far it is.
func TestLoadProgress(t *testing.T) {
	t.Parallel()
	var seen []Progress
	r := loaded(t, Load{
		Network: "tcp", Address: streamServer(t, "tcp", echo), Connections: 2, Duration: 2500 * time.Millisecond,
		Progress: func(p Progress) { seen = append(seen, p) },
	})
	if len(seen) < 2 {
		t.Fatalf("called %d times in 2.5 s", len(seen))
	}
	p := seen[1]
	if p.Elapsed+p.Remaining != 2500*time.Millisecond || p.Connections != 2 || p.Messages <= seen[0].Messages || p.Messages > r.Messages {
		t.Errorf("progress %+v, report %+v", seen, r)
	}
}

// Connections that have been closed are not among the open ones.
func TestLoadProgressOfConnecting(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		t.Parallel()
		var open []int
		loaded(t, Load{
			Network: "tcp", Address: streamServer(t, "tcp", echo), Mode: Connect, Connections: 3, Duration: 2 * time.Second,
			Progress: func(p Progress) { open = append(open, p.Connections) }, portable: portable,
		})
		if len(open) == 0 || slices.Max(open) > 3 {
			t.Errorf("%v connections open, want at most 3", open)
		}
	})
}

func TestLoadRefusesNonsense(t *testing.T) {
	for _, l := range []Load{
		{Network: "tcp", Size: -1},
		{Network: "udp", Size: maxDatagram + 1},
		{Network: "unixgram"},
		{Network: "tcp", Mode: "pong"},
		{Network: "udp", Mode: Stream},
		{Network: "udp", Mode: Idle},
		{Network: "tcp", Mode: Idle, Rate: 1},
		{Network: "tcp", Connections: -1},
		{Network: "tcp", Rate: -1},
		{Network: "tcp", Rate: math.NaN()},
		{Network: "tcp", Rate: math.Inf(1)},
		{Network: "tcp", Duration: -1},
	} {
		l.Address = "127.0.0.1:1"
		if _, err := l.Run(t.Context()); err == nil || IsUnreachable(err) {
			t.Errorf("%+v: error %v, want a refusal", l, err)
		}
	}
}

// What is to happen when a context ends has happened, or will not happen, once
// it has been told to stop: nothing is closed under its feet.
func TestWhenDoneStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	beganC, goOnC := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	stop := whenDone(ctx, func() {
		close(beganC)
		<-goOnC
		ended.Store(true)
	})
	cancel()
	<-beganC
	time.AfterFunc(20*time.Millisecond, func() { close(goOnC) })
	stop()
	if !ended.Load() {
		t.Error("stop returned while the function still ran")
	}

	ctx, cancel = context.WithCancel(t.Context())
	stop = whenDone(ctx, func() { t.Error("called after stop") })
	stop()
	cancel()
}
