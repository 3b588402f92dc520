package server

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// A refusal says why a client was not let in.
type refusal uint8

const (
	admitted refusal = iota
	refusedLimit
	refusedSourceLimit
	refusedRate
	refusedAccess
	refusals // how many there are
)

// String returns the word that the log shows.
func (r refusal) String() string {
	return [...]string{"", "limit", "source-limit", "rate", "access"}[r]
}

// admission decides who becomes a client: there must be a place, and the source must be welcome.
type admission struct {
	places    int                   // how many clients there may be, 0 for any number
	perSource int                   // how many of one source, 0 for any number
	rate      *rateLimiter          // of arrivals from one source
	allow     func(netip.Addr) bool // nil for anybody

	mu       sync.Mutex
	taken    int                // places
	bySource map[netip.Addr]int // clients there are; not kept without perSource
	waiting  []func()           // to be called when a place is free

	fullness fullness
}

// newAdmission reads the limits from the fields of s.
func newAdmission(s *Server) *admission {
	a := &admission{places: s.Places(), perSource: s.MaxConnectionsPerSource, allow: s.Allow}
	a.rate = newRateLimiter(s.ConnectionRatePerSource)
	a.fullness.log = s.log
	if a.perSource > 0 {
		a.bySource = make(map[netip.Addr]int)
	}
	return a
}

// take takes a place. If there is none, it reports false and calls free, once, when there may be one.
func (a *admission) take(free func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.places > 0 && a.taken >= a.places {
		a.waiting = append(a.waiting, free)
		a.fullness.reached(a.places)
		return false
	}
	a.taken++
	return true
}

// giveBack frees a place.
func (a *admission) giveBack() {
	a.mu.Lock()
	a.taken--
	waiting := a.waiting
	a.waiting = nil
	if len(waiting) == 0 {
		a.fullness.over()
	} // else what waits takes the place, or gives it back when there is no client
	a.mu.Unlock()
	for _, free := range waiting {
		free()
	}
}

// wait takes a place as soon as there is one. It reports false if ctx ends first.
func (a *admission) wait(ctx context.Context) bool {
	for {
		freeC := make(chan struct{})
		if a.take(func() { close(freeC) }) {
			return true
		}
		select {
		case <-freeC:
		case <-ctx.Done():
			return false
		}
	}
}

// judge decides whether a client from the address from, who has a place and comes at the time now, may
// keep it. The address is not valid if the client has none.
func (a *admission) judge(from netip.Addr, now time.Duration) refusal {
	if !from.IsValid() {
		return admitted
	}
	if a.allow != nil && !a.allow(from) {
		return refusedAccess
	}
	if !a.rate.allow(from, now) {
		return refusedRate
	}
	if a.perSource <= 0 {
		return admitted
	}
	source := sourceOf(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bySource[source] >= a.perSource {
		return refusedSourceLimit
	}
	a.bySource[source]++
	return admitted
}

// leave undoes judge for a client that is gone, and frees its place.
func (a *admission) leave(from netip.Addr) {
	if a.perSource > 0 && from.IsValid() {
		source := sourceOf(from)
		a.mu.Lock()
		if a.bySource[source]--; a.bySource[source] <= 0 {
			delete(a.bySource, source)
		}
		a.mu.Unlock()
	}
	a.giveBack()
}

// admit makes a client of a session that has begun and has a place, and says so in the log. If it reports
// false, the client must be sent away.
func (s *Server) admit(c client, n *session) bool {
	from := n.remote.ip.Addr()
	if why := s.admission.judge(from, n.opened); why != admitted {
		s.totals.refused[why].Add(1)
		s.logRefused(n, why)
		s.admission.giveBack()
		return false
	}
	if !s.registry.add(c, n) {
		s.admission.leave(from)
		return false
	}
	s.totals.accepted.Add(1)
	n.logOpened()
	return true
}

// dismiss ends a session whose connection is closed. undelivered is how many of the bytes that were sent did not reach
// the client.
func (s *Server) dismiss(n *session, why reason, err error, undelivered int) {
	n.logClosed(why, err, undelivered, s.now())
	s.registry.remove(n.id)
	s.admission.leave(n.remote.ip.Addr())
}
