package server

import "sync/atomic"

// Stats is what a Server has done since it was made. All but Active only ever grow.
type Stats struct {
	Active        int    // clients being served
	Accepted      uint64 // clients that became sessions
	Refused       uint64 // clients closed by the server before they became sessions
	BytesReceived uint64 // read from clients, in datagrams too, up to this moment
	BytesSent     uint64 // sent back to clients, up to this moment
	Datagrams     DatagramStats
}

// Stats returns the counters. They count while a session runs and are exact once it has ended.
// The fields are read one after the other: bytes may be sent between the two byte counts.
func (s *Server) Stats() Stats {
	return Stats{
		Active:        s.registry.len(),
		Accepted:      s.totals.accepted.Load(),
		Refused:       s.totals.refused.Load(),
		BytesReceived: s.totals.received.Load(),
		BytesSent:     s.totals.sent.Load(),
		Datagrams:     s.datagrams.stats(),
	}
}

// totals are the counters behind Stats.
type totals struct {
	accepted atomic.Uint64
	refused  atomic.Uint64
	received atomic.Uint64
	sent     atomic.Uint64
}
