package server

import "sync/atomic"

// Stats is what a Server has done since it was made. All but Active only ever grow.
type Stats struct {
	Active        int    // clients being served
	Accepted      uint64 // clients that became sessions
	Refused       uint64 // clients that were sent away, for any of the reasons in RefusedBy
	BytesReceived uint64 // read from clients, in datagrams too, up to this moment
	BytesSent     uint64 // sent back to clients, up to this moment

	RefusedBy Refusals

	Datagrams DatagramStats // what is not in the fields above, but for the bytes
}

// Refusals says for which limit of the Server clients were sent away. Those who have to wait because of
// MaxConnections are not among them.
type Refusals struct {
	SourceLimit uint64 // MaxConnectionsPerSource
	Rate        uint64 // ConnectionRatePerSource
	Access      uint64 // Allow
}

// Stats returns the counters. They count while a session runs and are exact once it has ended.
// The fields are read one after the other: bytes may be sent between the two byte counts.
func (s *Server) Stats() Stats {
	st := Stats{
		Active:        s.registry.len(),
		Accepted:      s.totals.accepted.Load(),
		BytesReceived: s.totals.received.Load(),
		BytesSent:     s.totals.sent.Load(),
		RefusedBy: Refusals{
			SourceLimit: s.totals.refused[refusedSourceLimit].Load(),
			Rate:        s.totals.refused[refusedRate].Load(),
			Access:      s.totals.refused[refusedAccess].Load(),
		},
	}
	st.Datagrams = s.datagrams.stats()
	st.Refused = st.RefusedBy.SourceLimit + st.RefusedBy.Rate + st.RefusedBy.Access
	return st
}

// totals are the counters behind Stats.
type totals struct {
	accepted atomic.Uint64
	received atomic.Uint64
	sent     atomic.Uint64
	refused  [refusals]atomic.Uint64
}
