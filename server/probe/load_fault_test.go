package probe

import (
	"cmp"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

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
