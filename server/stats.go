package server

import (
	"iter"
	"sync/atomic"
)

// Stats is what a Server has done since it was made. All but Active only ever grow.
type Stats struct {
	Active        int    // clients being served
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
	stats := Stats{
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

// Places returns how many clients there may be at once, see MaxConnections; 0 means any number.
func (s *Server) Places() int {
	if s.MaxConnections > 0 {
		return s.MaxConnections
	}
	return descriptorLimit()
}

// totals are the counters behind Stats.
type totals struct {
	accepted atomic.Uint64
	received atomic.Uint64
	sent     atomic.Uint64
	refused  [refusals]atomic.Uint64
}
