package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// rateSlots is the number of sources whose rates can be told apart.
const rateSlots = 1 << 13

// A rateLimiter limits how often each source may do something, in constant time and
// memory, whatever number of sources there are or pretend to be. It is the generic cell
// rate algorithm (ITU-T I.371) for as many sources as there are slots. Sources that share a slot
// share a rate; which do is different in every process, so that nobody can choose a victim.
type rateLimiter struct {
	interval time.Duration // between two events at the full rate
	burst    time.Duration // how far ahead of the full rate a source may be
	seed     maphash.Seed

	mu    sync.Mutex
	slots []time.Duration // when a source that keeps to the full rate would be due again
}

// newRateLimiter allows perSecond events from each source, in the long run, and as many as belong to
// a second, but at least one, at once. If perSecond is 0, it returns nil, which allows everything.
func newRateLimiter(perSecond float64) *rateLimiter {
	if perSecond <= 0 {
		return nil
	}
	interval := max(1, time.Duration(float64(time.Second)/perSecond))
	return &rateLimiter{
		interval: interval,
		burst:    max(0, time.Second-interval),
		seed:     maphash.MakeSeed(),
		slots:    make([]time.Duration, rateSlots),
	}
}

// allow counts an event of the source that has the address a, at the time now, and reports true, or
// reports false if it would be too many.
func (r *rateLimiter) allow(a netip.Addr, now time.Duration) bool {
	if r == nil {
		return true
	}
	source := sourceOf(a)
	slot := maphash.Comparable(r.seed, source) % rateSlots
	r.mu.Lock()
	defer r.mu.Unlock()
	due := max(r.slots[slot], now)
	if due-now > r.burst {
		return false
	}
	r.slots[slot] = due + r.interval
	return true
}
