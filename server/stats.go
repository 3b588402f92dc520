package server

import (
	"iter"
	"sync/atomic"
)

// Stats is what a Server has done since it was made. All but Active and AtLimit only ever grow.
type Stats struct {
	Active        int    // clients being served
	AtLimit       bool   // there is no place for one more, see Server.Places
	LimitReached  uint64 // times that this came to be
	Accepted      uint64 // clients that became sessions
	BytesReceived uint64 // read from clients, in datagrams too, up to this moment
	BytesSent     uint64 // sent back to clients, up to this moment
	Refused       Refusals
	Datagrams     DatagramStats // what is not in the fields above, but for the bytes
}

// Refusals counts the clients that were sent away, by reason. Those who have to wait because of MaxConnections
// are not among them.
type Refusals struct {
	SourceLimit uint64 // more than Server.MaxConnectionsPerSource
	Rate        uint64 // more than Server.ConnectionRatePerSource
	Access      uint64 // not wanted by Server.Allow
}

// All yields each reason, in the words of the log, with its count.
func (r Refusals) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		_ = yield(refusedSourceLimit.String(), r.SourceLimit) &&
			yield(refusedRate.String(), r.Rate) &&
			yield(refusedAccess.String(), r.Access)
	}
}

// Total returns the sum over all reasons.
func (r Refusals) Total() uint64 { return r.SourceLimit + r.Rate + r.Access }

// Stats returns the counters. They count while a session runs and are exact once it has ended.
// The fields are read one after the other: bytes may be sent between the two byte counts.
func (s *Server) Stats() Stats {
	atLimit, limitReached := s.limitState()
	stats := Stats{
		AtLimit:       atLimit,
		LimitReached:  limitReached,
		Active:        s.registry.len(),
		Accepted:      s.totals.accepted.Load(),
		BytesReceived: s.totals.received.Load(),
		BytesSent:     s.totals.sent.Load(),
		Refused: Refusals{
			SourceLimit: s.totals.refused[refusedSourceLimit].Load(),
			Rate:        s.totals.refused[refusedRate].Load(),
			Access:      s.totals.refused[refusedAccess].Load(),
		},
		Datagrams: s.datagrams.stats(),
	}
	s.addDrops(&stats.Datagrams)
	return stats
}

// limitState returns what Stats says of the limit. Before the first Serve there is none.
func (s *Server) limitState() (full bool, times uint64) {
	s.mu.Lock()
	a := s.admission
	s.mu.Unlock()
	if a == nil {
		return false, 0
	}
	return a.fullness.state()
}

// Places returns how many clients there may be at once, see MaxConnections; 0 means any number. It
// is never more than there are descriptors for.
func (s *Server) Places() int {
	descriptors := descriptorLimit()
	if s.MaxConnections <= 0 || descriptors > 0 && descriptors < s.MaxConnections {
		return descriptors
	}
	return s.MaxConnections
}

// totals are the counters behind Stats.
type totals struct {
	accepted atomic.Uint64
	received atomic.Uint64
	sent     atomic.Uint64
	refused  [refusals]atomic.Uint64
}
