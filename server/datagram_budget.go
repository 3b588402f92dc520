package server

import (
	"net/netip"
	"sync"
	"time"
)

// DatagramLimits bounds how many datagrams a service answers, over all its sockets. A limit may be
// used up in a burst of one second's worth. The zero value limits nothing: an answer is never
// larger than the question, so nothing is amplified, and a flood that a machine can receive it can
// answer.
type DatagramLimits struct {
	// PerSource is how many datagrams a second one source gets answers to; see
	// Limits.PerSource for what a source is. 0 means as many as come,
	// but 10 for the services daytime and time, which answer with more than the question; less
	// than 0 means as many as come.
	//
	// 16384 sources are known at a time. A flood with more forged ones than that makes the server
	// forget some, which may then use up their burst again: Total bounds that too.
	PerSource int

	// Total is how many datagrams a second are answered at most. 0 means as many as come.
	Total int
}

// A datagramBudget holds what is left of the limits. nil has none.
type datagramBudget struct {
	perSource *rateLimiter
	total     rate // zero for as many as come

	mu   sync.Mutex
	used share // of total
}

func newDatagramBudget(limits DatagramLimits) *datagramBudget {
	return (*datagramBudget)(nil).changed(limits, 0)
}

// changed returns a budget with other limits, at the time now, of which is used what was used of b.
func (b *datagramBudget) changed(limits DatagramLimits, now time.Duration) *datagramBudget {
	if limits.PerSource <= 0 && limits.Total <= 0 {
		return nil
	}
	if b == nil {
		b = new(datagramBudget)
	}
	next := &datagramBudget{perSource: b.perSource.changed(float64(limits.PerSource), now)}
	if limits.Total > 0 {
		next.total = newRate(float64(limits.Total))
		b.mu.Lock()
		next.used = b.used
		b.mu.Unlock()
		next.total.bound(&next.used, now)
	}
	return next
}

// take uses up one answer to source, at the time now, or says which limit is reached. The source is
// not valid if the sender has no IP address.
func (b *datagramBudget) take(now time.Duration, source netip.Addr) Reason {
	if source.IsValid() && !b.perSource.allow(source, now) {
		return RefusedSourceRate
	}
	if b.total == (rate{}) {
		return notRefused
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.total.take(&b.used, now) {
		return RefusedDatagramRate
	}
	return notRefused
}
