package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Sources are kept in sets, one of which a source belongs to: a lookup is short, and memory
// bounded. Which set that is differs between processes, so that a source cannot choose its
// neighbours.
const (
	sourceSets    = 2048
	sourcesPerSet = 8
)

// A rateLimiter limits how often each source may do something, in constant time and memory,
// whatever number of sources there are or pretend to be: the 16384 that say most are
// known. A source that is not known is one that has done nothing, so none is ever refused for what
// others did; the price is that one that is forgotten in a flood of others may use up its burst
// again.
type rateLimiter struct {
	rate
	seed maphash.Seed

	mu   sync.Mutex
	sets *[sourceSets][sourcesPerSet]knownSource
}

// A knownSource is a source and its share of the rate. The zero value is no source.
type knownSource struct {
	source netip.Addr
	share
}

// newRateLimiter allows perSecond events from each source, in the long run, and as many as belong
// to a second, but at least one, at once. If perSecond is 0, it returns nil, which allows
// everything.
func newRateLimiter(perSecond float64) *rateLimiter {
	if perSecond <= 0 {
		return nil
	}
	return &rateLimiter{
		rate: newRate(perSecond),
		seed: maphash.MakeSeed(),
		sets: new([sourceSets][sourcesPerSet]knownSource),
	}
}

// changed returns a limiter with another rate, at the time now, that knows what each source has
// used. A source that had to wait for long at a lower rate need not wait longer than the new one
// asks for.
func (r *rateLimiter) changed(perSecond float64, now time.Duration) *rateLimiter {
	if r == nil || perSecond <= 0 {
		return newRateLimiter(perSecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rate = newRate(perSecond)
	for i := range r.sets {
		for j := range r.sets[i] {
			r.bound(&r.sets[i][j].share, now)
		}
	}
	return r
}

// allow counts an event of the source that has the address a, at the time now, and reports true, or
// reports false if it would be too many.
func (r *rateLimiter) allow(a netip.Addr, now time.Duration) bool {
	if r == nil {
		return true
	}
	source := sourceOf(a)
	set := &r.sets[maphash.Comparable(r.seed, source)%sourceSets]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take(find(set, source), now)
}

// find returns the share of a source. One that is new gets the place of the one in its set that is
// due first: its share says least.
func find(set *[sourcesPerSet]knownSource, source netip.Addr) *share {
	least := &set[0]
	for i := range set {
		if set[i].source == source {
			return &set[i].share
		}
		if set[i].due < least.due {
			least = &set[i]
		}
	}
	*least = knownSource{source: source}
	return &least.share
}

// A rate is how often something may happen, by the generic cell rate algorithm (ITU-T I.371).
type rate struct {
	interval time.Duration // between two events at the full rate
	burst    time.Duration // how far ahead of the full rate events may be
}

func newRate(perSecond float64) rate {
	interval := max(1, time.Duration(min(float64(time.Second)/perSecond, float64(maxInterval))))
	return rate{interval: interval, burst: max(0, time.Second-interval)}
}

// maxInterval keeps the sum of times from overflowing.
const maxInterval = 100 * 365 * 24 * time.Hour

// A share is what has been used of a rate. The zero value is unused.
type share struct {
	due time.Duration // when the next event would be due, at the full rate
}

// bound makes s say no more than what can have been used of r at the time now.
func (r rate) bound(s *share, now time.Duration) {
	s.due = min(s.due, now+r.burst+r.interval)
}

// take counts an event at the time now and reports true, or reports false if it would be too many.
func (r rate) take(s *share, now time.Duration) bool {
	due := max(s.due, now)
	if due-now > r.burst {
		return false
	}
	s.due = due + r.interval
	return true
}
