package probe

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bothEngines runs a test with each way of making the load. On systems that
// have but one they are the same.
func bothEngines(t *testing.T, test func(t *testing.T, portable bool)) {
	for name, portable := range map[string]bool{"portable": true, "default": false} {
		t.Run(name, func(t *testing.T) { test(t, portable) })
	}
}

// loaded runs l, for 100 ms if it does not say for how long.
func loaded(t *testing.T, l Load) Report {
	t.Helper()
	if l.Duration == 0 {
		l.Duration = 100 * time.Millisecond
	}
	if l.Timeout == 0 {
		l.Timeout = patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := l.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("load did not end: %+v", r)
	}
	return r
}

// loadedUntil runs l for longer and longer until what came of it is done: on a
// busy machine, 100 ms may be too short for anything to happen.
func loadedUntil(t *testing.T, l Load, done func(Report) bool) Report {
	t.Helper()
	var r Report
	for l.Duration = 100 * time.Millisecond; l.Duration < patience/2; l.Duration *= 4 {
		if r = loaded(t, l); done(r) {
			break
		}
	}
	return r
}

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

// Each fault of a server is counted as what it is, and the load goes on.
func TestLoadBadServer(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		for _, tt := range []struct {
			name  string
			serve func(net.Conn)
			load  Load
			want  Failure
		}{
			{"corrupts", corrupting(1000), Load{}, FailCorrupt},
			{"corrupts a stream", corrupting(100_000), Load{Mode: Stream, Size: 1000}, FailCorrupt},
			{"corrupts a new connection", corrupting(3), Load{Mode: Connect}, FailCorrupt},
			{"is silent", silent, Load{Timeout: 100 * time.Millisecond}, FailTimeout},
			{"is silent to a stream", silent, Load{Mode: Stream, Timeout: 100 * time.Millisecond}, FailTimeout},
			{"is silent to idle ones", silent, Load{Mode: Idle, Timeout: 100 * time.Millisecond}, FailTimeout},
			{"closes", closing(640), Load{}, FailClosed},
			{"closes in the middle", closing(1000), Load{Size: 1 << 20}, FailClosed},
			{"closes a stream", closing(100_000), Load{Mode: Stream, Size: 1000}, FailClosed},
			{"closes a new connection", closing(0), Load{Mode: Connect}, FailClosed},
			{"closes an idle one", closing(DefaultLoadSize), Load{Mode: Idle}, FailClosed},
			{"resets", resetting(640), Load{}, FailReset},
			{"sends twice", twice, Load{}, FailCorrupt},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				const connections = 4
				var opened atomic.Int32
				l := tt.load
				l.Network, l.portable, l.Connections = "tcp", portable, connections
				l.Timeout = cmp.Or(l.Timeout, patience)
				l.Address = streamServer(t, "tcp", func(conn net.Conn) {
					// One for Run to see where the address leads, and each of the load.
					if opened.Add(1) > 1+connections {
						cancel() // one was opened anew: that is all there is to see
					}
					tt.serve(conn)
				})
				l.Duration = time.Hour
				if l.Mode == Idle {
					l.Duration = 100 * time.Millisecond
				}
				r, err := l.Run(ctx)
				if err != nil || r.Failures[tt.want] == 0 {
					t.Errorf("failures %v, want %q; error %v", r.Failures, tt.want, err)
				}
				if context.Cause(ctx) == context.DeadlineExceeded {
					t.Errorf("a connection that had failed was not opened anew: %v", r.Failures)
				}
			})
		}
	})
}

// twice sends everything two times.
func twice(conn net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		conn.Write(append(buf[:n:n], buf[:n]...))
	}
}

// Datagrams that are lost, come twice, or come as something else.
func TestLoadBadDatagrams(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		for _, tt := range []struct {
			name   string
			answer func(n int, data []byte) [][]byte
			want   Failure
			rate   float64
		}{
			{"loses every third", func(n int, data []byte) [][]byte {
				if n%3 == 0 {
					return nil
				}
				return [][]byte{data}
			}, FailTimeout, 0},
			{"sends twice", func(_ int, data []byte) [][]byte { return [][]byte{data, data} }, FailLate, 0},
			{"sends twice what comes seldom", func(_ int, data []byte) [][]byte { return [][]byte{data, data} }, FailLate, 100},
			{"adds a byte", func(n int, data []byte) [][]byte {
				if n%3 == 0 {
					data = append(data, 0)
				}
				return [][]byte{data}
			}, FailCorrupt, 0},
			{"flips a byte", func(n int, data []byte) [][]byte {
				if n%3 == 0 {
					data[5] ^= 1
				}
				return [][]byte{data}
			}, FailCorrupt, 0},
		} {
			l := Load{
				Network: "udp", Address: datagramServer(t, tt.answer), Connections: 2, Rate: tt.rate,
				Timeout: 50 * time.Millisecond, portable: portable,
			}
			r := loadedUntil(t, l, func(r Report) bool { return r.Failures[tt.want] > 0 && r.Messages > 0 })
			if due := tt.rate * r.Elapsed.Seconds(); tt.rate > 0 && float64(r.Latency.Count) > due {
				t.Errorf("server that %s: %d messages measured of %g", tt.name, r.Latency.Count, due)
			}
			if r.Failures[tt.want] == 0 || r.Messages == 0 {
				t.Errorf("server that %s: %d messages, failures %v, want %q", tt.name, r.Messages, r.Failures, tt.want)
			}
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

// Where nobody listens, there is an error and no report.
func TestLoadNobody(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		_, err := Load{Network: network, Address: nobody(t, network)}.Run(t.Context())
		if !IsUnreachable(err) {
			t.Errorf("%s: %v, want an unreachable address", network, err)
		}
	}
	// A datagram socket always connects; that nobody listens is found out later.
	bothEngines(t, func(t *testing.T, portable bool) {
		l := Load{Network: "udp", Address: nobody(t, "udp"), portable: portable}
		r := loadedUntil(t, l, func(r Report) bool { return r.Failed() > 0 })
		if r.Messages != 0 || r.Failures[FailRefused] == 0 {
			t.Errorf("udp: %+v, want refusals", r)
		}
	})
}

// Ending the context ends the load at once, with a report of what was
// measured, whatever the server does.
func TestLoadCancel(t *testing.T) {
	bothEngines(t, func(t *testing.T, portable bool) {
		for _, tt := range []struct {
			name  string
			mode  Mode
			rate  float64
			serve func(net.Conn)
		}{
			{"pingpong", PingPong, 0, echo},
			{"pingpong unanswered", PingPong, 0, silent},
			{"pingpong not due", PingPong, 0.01, echo},
			{"stream", Stream, 0, echo},
			{"stream unanswered", Stream, 0, silent},
			{"stream not due", Stream, 0.01, echo},
			{"connect", Connect, 0, echo},
			{"connect unanswered", Connect, 0, silent},
			{"connect not due", Connect, 0.01, echo},
			{"idle", Idle, 0, echo},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				l := Load{
					Network: "tcp", Address: streamServer(t, "tcp", tt.serve), Mode: tt.mode, Rate: tt.rate, Connections: 3,
					Duration: time.Hour, Timeout: time.Hour, portable: portable,
				}
				begin := time.Now()
				r, err := l.Run(ctx)
				if took := time.Since(begin); err != nil || took > patience || r.Elapsed > took {
					t.Errorf("%+v after %v, error %v", r, took, err)
				}
				if tt.mode == Idle && r.Latency.Count != uint64(r.Connections) {
					t.Errorf("%+v, want every connection asked at the end", r)
				}
			})
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

// eventually waits until done holds, but not for ever.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
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
