package probe

import (
	"math"
	"time"
)

// Summary is what came of a Pinger's run. Every message sent is either
// Received, Waiting or lost.
type Summary struct {
	Sent       int // messages, whether or not they left this machine
	Received   int // came back whole and equal, in time
	Waiting    int // were on their way, and not yet given up, when the context ended
	Corrupt    int // answers that were not what was sent
	Late       int // answers that came after their message had been given up
	Duplicates int // answers that came once more

	Elapsed time.Duration // of the whole run

	// Of the round trips of the Received messages; zero if there are none.
	// Mdev is their standard deviation, as ping(8) has it.
	Min, Avg, Max, Mdev time.Duration
}

// Lost is the number of messages that did not come back whole, equal and in
// time, for whatever reason.
func (s Summary) Lost() int { return s.Sent - s.Received - s.Waiting }

// Loss is Lost as a part of the messages whose fate is known, 0 to 1.
func (s Summary) Loss() float64 {
	if s.Sent == s.Waiting {
		return 0
	}
	return float64(s.Lost()) / float64(s.Sent-s.Waiting)
}

// roundTrips gathers the statistics of a Summary as the answers come, in the
// way of Welford (1962), which does not lose precision to large sums.
type roundTrips struct {
	n        int
	min, max time.Duration
	mean, m2 float64
}

func (t *roundTrips) add(d time.Duration) {
	if t.n == 0 || d < t.min {
		t.min = d
	}
	t.max = max(t.max, d)
	t.n++
	delta := float64(d) - t.mean
	t.mean += delta / float64(t.n)
	t.m2 += delta * (float64(d) - t.mean)
}

func (t *roundTrips) into(s *Summary) {
	if t.n == 0 {
		return
	}
	s.Min, s.Max = t.min, t.max
	s.Avg = time.Duration(t.mean)
	s.Mdev = time.Duration(math.Sqrt(t.m2 / float64(t.n)))
}
