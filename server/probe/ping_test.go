package probe

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"
)

// pinged runs p, and returns what it reported on the way, too.
func pinged(t *testing.T, ctx context.Context, p Pinger) ([]Reply, Summary, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if p.Interval == 0 {
		p.Interval = time.Millisecond
	}
	if p.Timeout == 0 {
		p.Timeout = patience
	}
	var replies []Reply
	summary, err := p.Run(ctx, func(r Reply) { replies = append(replies, r) })
	if context.Cause(ctx) == context.DeadlineExceeded {
		t.Fatalf("ping over %s, size %d, did not end: %+v, replies %+v", p.Network, p.Size, summary, replies)
	}
	return replies, summary, err
}

// outcomes are the outcomes of replies, in the order of the messages.
func outcomes(replies []Reply) []Outcome {
	slices.SortStableFunc(replies, func(a, b Reply) int { return a.Seq - b.Seq })
	var all []Outcome
	for _, r := range replies {
		all = append(all, r.Outcome)
	}
	return all
}

// What a good server is sent comes back, over every kind of socket, from one
// byte (none, if it is a datagram) to as much as it takes.
func TestPingGoodServer(t *testing.T) {
	const count = 2 // so many of the largest datagrams are in no danger of being dropped
	for _, tt := range []struct {
		network string
		sizes   []int
	}{
		{"tcp", []int{1, 7, 8, 9, 0, 1500, 1 << 20}},
		{"unix", []int{1, 0, 1 << 20}},
		{"udp", []int{-1, 1, 8, 9, 0, 1500, 65507}},
	} {
		address := ""
		if tt.network == "udp" {
			address = datagramServer(t, echoDatagram)
		} else {
			address = streamServer(t, tt.network, echo)
		}
		for _, size := range tt.sizes {
			replies, s, err := pinged(t, t.Context(), Pinger{Network: tt.network, Address: address, Count: count, Size: size})
			if err != nil {
				t.Fatalf("%s, size %d: %v", tt.network, size, err)
			}
			if s.Sent != count || s.Received != count || s.Lost() != 0 || s.Loss() != 0 || s.Corrupt+s.Late+s.Duplicates+s.Waiting != 0 {
				t.Errorf("%s, size %d: %+v", tt.network, size, s)
			}
			if s.Min <= 0 || s.Avg < s.Min || s.Max < s.Avg || s.Elapsed < (count-1)*time.Millisecond {
				t.Errorf("%s, size %d: times do not fit together: %+v", tt.network, size, s)
			}
			want := size
			if size <= 0 {
				want = map[int]int{0: DefaultPingSize, -1: 0}[size]
			}
			for i, r := range replies {
				if r.Seq != i+1 || r.Outcome != Received || r.Size != want || r.RTT <= 0 || r.Err != nil {
					t.Errorf("%s, size %d: reply %d: %+v", tt.network, size, i, r)
				}
			}
		}
	}
}

// Payloads of one byte repeat after 256 messages; that confuses nothing.
func TestPingShortDatagrams(t *testing.T) {
	const count = 260 // and no more than fit into a receive buffer
	address := datagramServer(t, echoDatagram)
	_, s, err := pinged(t, t.Context(), Pinger{Network: "udp", Address: address, Count: count, Size: 1})
	if err != nil || s.Received != count || s.Corrupt+s.Late+s.Duplicates != 0 {
		t.Errorf("%+v, error %v", s, err)
	}
}

// Empty datagrams say nothing of what they answer. Those on their way at the
// same time are taken in the order of sending.
func TestPingEmptyDatagrams(t *testing.T) {
	address := datagramServer(t, func() func(int, []byte) [][]byte {
		var held [][]byte
		return func(n int, data []byte) [][]byte { // answers all three when it has them
			if held = append(held, data); n < 2 {
				return nil
			}
			return held
		}
	}())
	replies, s, err := pinged(t, t.Context(), Pinger{Network: "udp", Address: address, Count: 3, Size: -1})
	if got := outcomes(replies); err != nil || !slices.Equal(got, []Outcome{Received, Received, Received}) || replies[0].Seq != 1 {
		t.Errorf("outcomes %v, summary %+v, error %v", got, s, err)
	}
}

// Ending the context ends the run with its summary, and what is on its way
// then is not a loss.
func TestPingCancel(t *testing.T) {
	for network, address := range map[string]string{
		"tcp": streamServer(t, "tcp", closing(3*DefaultPingSize)),
		"udp": datagramServer(t, func(n int, data []byte) [][]byte {
			if n < 3 {
				return [][]byte{data}
			}
			return nil
		}),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		p := Pinger{Network: network, Address: address, Interval: time.Hour, Timeout: time.Hour}
		s, err := p.Run(ctx, func(Reply) { cancel() })
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if s.Sent != 1 || s.Received != 1 || s.Waiting != 0 {
			t.Errorf("%s: %+v", network, s)
		}
	}

	askedC := make(chan struct{}, 1)
	address := streamServer(t, "tcp", func(conn net.Conn) {
		conn.Read(make([]byte, 1))
		askedC <- struct{}{}
		silent(conn)
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		<-askedC
		cancel()
	}()
	s, err := Pinger{Network: "tcp", Address: address, Timeout: time.Hour}.Run(ctx, nil)
	if err != nil || s.Sent != 1 || s.Waiting != 1 || s.Lost() != 0 {
		t.Errorf("summary %+v, error %v, want one message waiting", s, err)
	}
}

func TestPingRefusesNonsense(t *testing.T) {
	for _, p := range []Pinger{
		{Network: "tcp", Address: "127.0.0.1:1", Size: -1},
		{Network: "udp", Address: "127.0.0.1:1", Size: 65508},
		{Network: "unixgram", Address: "/nowhere"},
		{Network: "", Address: "127.0.0.1:1"},
		{Network: "tcp", Address: "127.0.0.1:1", Count: -1},
		{Network: "tcp", Address: "127.0.0.1:1", Interval: -1},
	} {
		if _, err := p.Run(t.Context(), nil); err == nil || IsUnreachable(err) {
			t.Errorf("%+v: error %v, want a refusal", p, err)
		}
	}
}

// mdev is the standard deviation of all round trips, as in ping(8).
func TestRoundTripStatistics(t *testing.T) {
	var (
		trips roundTrips
		s     Summary
	)
	for _, ms := range []int{2, 4, 4, 4, 5, 5, 7, 9} {
		trips.add(time.Duration(ms) * time.Millisecond)
	}
	trips.into(&s)
	want := Summary{Min: 2 * time.Millisecond, Avg: 5 * time.Millisecond, Max: 9 * time.Millisecond, Mdev: 2 * time.Millisecond}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
}
