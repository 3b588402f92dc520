package probe

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally is what one engine has counted. The engine owns it; others may read
// the atomic part while the load runs, and all of it afterwards.
type tally struct {
	messages    atomic.Uint64 // came back whole and equal in the measured time
	failed      atomic.Uint64 // sum of failures
	connections atomic.Int64  // open now

	began    int64  // connections when the load began
	total    uint64 // messages that came back whole and equal at any time
	unsent   uint64 // messages that were due but never sent
	failures map[Failure]uint64
	latency  *latencies
}

func newTally() *tally {
	return &tally{failures: make(map[Failure]uint64), latency: newLatencies()}
}

// echoed counts n messages that had come back at now.
func (t *tally) echoed(p *plan, n uint64, now int64) {
	t.total += n
	if p.measures(now) {
		t.messages.Add(n)
	}
}

// took counts the latency of a message that was due (or, in a closed loop,
// sent) at due and had come back at now.
func (t *tally) took(p *plan, due, now int64) {
	if p.measures(due) {
		t.latency.record(now - due)
	}
}

// skipped counts the messages of a connection that were due before the end of
// the load but not sent, as having taken at least the time they have waited.
func (t *tally) skipped(p *plan, connection int, round uint64) {
	end := p.end.Load()
	for due := p.due(connection, round); due < end; due = p.due(connection, round) {
		t.unsent++
		if p.measures(due) {
			t.latency.record(end - due)
		}
		round++
	}
}

func (t *tally) fail(err error) {
	t.failures[failureOf(err)]++
	t.failed.Add(1)
}

// latencies is an HDR histogram of nanoseconds, exact to three digits up to
// an hour, with the exact extremes beside it.
type latencies struct {
	h        *hdrhistogram.Histogram
	min, max int64
}

func newLatencies() *latencies {
	return &latencies{h: hdrhistogram.New(1, int64(time.Hour), 3), min: math.MaxInt64}
}

func (l *latencies) record(ns int64) {
	ns = min(ns, int64(time.Hour))
	l.min = min(l.min, ns)
	l.max = max(l.max, ns)
	// It refuses only what is longer than an hour.
	_ = l.h.RecordValue(ns)
}

func (l *latencies) merge(other *latencies) {
	l.min = min(l.min, other.min)
	l.max = max(l.max, other.max)
	l.h.Merge(other.h)
}
