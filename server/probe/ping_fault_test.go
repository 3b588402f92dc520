package probe

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// A flipped byte is found where it is, and costs this one message.
func TestPingCorruptByte(t *testing.T) {
	wantCorrupt := func(replies []Reply, s Summary, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(replies); !slices.Equal(got, []Outcome{Received, Corrupt, Received}) {
			t.Errorf("outcomes %v", got)
		}
		var c *CorruptError
		if len(replies) < 2 || !errors.As(replies[1].Err, &c) || c.Offset != 20 || c.Want != c.Got^0xff {
			t.Errorf("replies %+v, want byte 20 of the second one flipped", replies)
		}
		if s.Corrupt != 1 || s.Received != 2 || s.Lost() != 1 {
			t.Errorf("summary %+v", s)
		}
	}
	stream := streamServer(t, "tcp", corrupting(100+20))
	wantCorrupt(pinged(t, t.Context(), Pinger{Network: "tcp", Address: stream, Count: 3, Size: 100}))

	datagrams := datagramServer(t, func(n int, data []byte) [][]byte {
		if n == 1 {
			data[20] ^= 0xff
		}
		return [][]byte{data}
	})
	wantCorrupt(pinged(t, t.Context(), Pinger{Network: "udp", Address: datagrams, Count: 3, Size: 100}))
}

// A datagram that comes back longer or shorter is not the one that was sent.
func TestPingDatagramLength(t *testing.T) {
	address := datagramServer(t, func(n int, data []byte) [][]byte {
		switch n {
		case 0:
			return [][]byte{append(data, 0)}
		case 1:
			return [][]byte{data[:len(data)-1]}
		}
		return [][]byte{data}
	})
	replies, s, err := pinged(t, t.Context(), Pinger{Network: "udp", Address: address, Count: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(replies); !slices.Equal(got, []Outcome{Corrupt, Corrupt, Received}) {
		t.Errorf("outcomes %v, summary %+v", got, s)
	}
}

// A server that says nothing costs Timeout a message, and nothing else.
func TestPingSilentServer(t *testing.T) {
	addresses := map[string]string{
		"tcp":  streamServer(t, "tcp", silent),
		"unix": streamServer(t, "unix", silent),
		"udp":  datagramServer(t, func(int, []byte) [][]byte { return nil }),
	}
	for network, address := range addresses {
		replies, s, err := pinged(t, t.Context(), Pinger{Network: network, Address: address, Count: 3, Timeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if got := outcomes(replies); !slices.Equal(got, []Outcome{Lost, Lost, Lost}) || s.Loss() != 1 || s.Avg != 0 {
			t.Errorf("%s: outcomes %v, summary %+v", network, got, s)
		}
	}
}

// An answer after its time is late, not received; one that comes again is a
// duplicate; each is told from the answer to the message now on its way.
func TestPingLateAndDuplicateDatagrams(t *testing.T) {
	t.Parallel()
	lostC := make(chan struct{})
	address := datagramServer(t, func(n int, data []byte) [][]byte {
		switch n {
		case 0:
			<-lostC
		case 1:
			return [][]byte{data, data}
		}
		return [][]byte{data}
	})
	wantLate(t, "udp", address, lostC, []Outcome{Lost, Late, Received, Duplicate, Received})
}

// On a stream, too, a late answer is late, and not taken for the next one.
func TestPingLateStream(t *testing.T) {
	t.Parallel()
	lostC := make(chan struct{})
	address := streamServer(t, "tcp", func(conn net.Conn) {
		<-lostC
		echo(conn)
	})
	wantLate(t, "tcp", address, lostC, []Outcome{Lost, Late, Received, Received})
}

// wantLate pings a server that keeps its first answer until lostC is closed.
func wantLate(t *testing.T, network, address string, lostC chan<- struct{}, want []Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var replies []Reply
	p := Pinger{Network: network, Address: address, Count: 3, Timeout: time.Second, Interval: 1500 * time.Millisecond}
	s, err := p.Run(ctx, func(r Reply) {
		replies = append(replies, r)
		if r.Outcome == Lost && r.Seq == 1 {
			close(lostC)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(replies); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	if s.Sent != 3 || s.Received != 2 || s.Late != 1 || s.Lost() != 1 {
		t.Errorf("summary %+v", s)
	}
}

// A server that closes costs the message on its way; the next one goes over a
// new connection.
func TestPingReconnects(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){"closes": closing(56 + 10), "resets": resetting(56 + 10)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int32
			address := streamServer(t, "tcp", func(conn net.Conn) {
				connections.Add(1)
				serve(conn)
			})
			replies, s, err := pinged(t, t.Context(), Pinger{Network: "tcp", Address: address, Count: 4, Interval: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomes(replies); !slices.Equal(got, []Outcome{Received, Failed, Received, Failed}) {
				t.Errorf("outcomes %v, summary %+v", got, s)
			}
			if n := connections.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

// Where nobody listens, Run says so instead of counting losses.
func TestPingNobody(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "udp"} {
		_, s, err := pinged(t, t.Context(), Pinger{Network: network, Address: nobody(t, network), Count: 3, Timeout: time.Second})
		if err == nil || !IsUnreachable(err) {
			t.Errorf("%s: summary %+v, error %v, want an unreachable address", network, s, err)
		}
	}
}

// A server that hardly reads cannot make a message wait for longer than
// Timeout, nor than the context.
func TestPingDeafServer(t *testing.T) {
	askedC, stopC := make(chan struct{}, 2), make(chan struct{})
	address := streamServer(t, "tcp", func(conn net.Conn) {
		conn.Read(make([]byte, 1))
		askedC <- struct{}{}
		<-stopC
	})
	defer close(stopC)
	p := Pinger{Network: "tcp", Address: address, Count: 1, Size: 64 << 20, Timeout: 500 * time.Millisecond}
	replies, _, err := pinged(t, t.Context(), p)
	if got := outcomes(replies); err != nil || !slices.Equal(got, []Outcome{Failed}) {
		t.Errorf("outcomes %v, error %v", got, err)
	}
	<-askedC

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		<-askedC
		cancel()
	}()
	p.Timeout = time.Hour
	s, err := p.Run(ctx, nil)
	if err != nil || s.Waiting != 1 || context.Cause(ctx) == context.DeadlineExceeded {
		t.Errorf("summary %+v, error %v, want one message waiting", s, err)
	}
}
