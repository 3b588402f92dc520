package server

import (
	"sync/atomic"
)

// Stats is what a Server, or one Service of it, has done since it was made. All but Active and
// AtLimit only ever grow.
type Stats struct {
	Active        int           // clients being served
	AtLimit       bool          // there may be no more: Server.ConnectionLimit, or Limits.Connections
	LimitReached  uint64        // times that this came to be
	Accepted      uint64        // clients that became sessions
	BytesReceived uint64        // read from clients, in datagrams too, up to this moment
	BytesSent     uint64        // sent back to clients, up to this moment
	Refused       Refusals      // connections
	Datagrams     DatagramStats // what is not in the fields above, but for the bytes
}

// Stats returns the counters of all services, also of the ones that were shut down. They count
// while a session runs and are exact once it has ended. The fields are read one after the other:
// bytes may be sent between the two byte counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	stats := s.before
	for v := range s.services {
		v.addTo(&stats)
	}
	s.mu.Unlock()
	stats.Active = s.registry.count(&s.registry.population)
	stats.AtLimit, stats.LimitReached = s.connections.fullness.state()
	return stats
}

// Stats returns the counters of the service, as Server.Stats returns them for all services.
func (v *Service) Stats() Stats {
	var stats Stats
	s := v.owner()
	if s == nil {
		return stats
	}
	s.mu.Lock()
	v.addTo(&stats)
	s.mu.Unlock()
	stats.Active = s.registry.count(&v.members.population)
	stats.AtLimit, stats.LimitReached = v.connections.fullness.state()
	return stats
}

// addTo adds what the service has done, but for what is of this moment, and of the limit. Server.mu
// is held.
func (v *Service) addTo(stats *Stats) {
	stats.Accepted += v.totals.accepted.Load()
	stats.BytesReceived += v.totals.received.Load()
	stats.BytesSent += v.totals.sent.Load()
	stats.Datagrams.Received += v.totals.datagramsReceived.Load()
	stats.Datagrams.Sent += v.totals.datagramsSent.Load()
	v.refusals.addTo(&stats.Refused, &stats.Datagrams.Refused)
	v.addDrops(&stats.Datagrams)
}

// ConnectionLimit returns how many clients there may be at once, see MaxConnections; 0 means any
// number. It is never more than there are descriptors for.
func (s *Server) ConnectionLimit() int {
	descriptors := descriptorLimit()
	if s.MaxConnections <= 0 || descriptors > 0 && descriptors < s.MaxConnections {
		return descriptors
	}
	return s.MaxConnections
}

// totals are counters behind Stats.
type totals struct {
	accepted          atomic.Uint64
	received          atomic.Uint64 // bytes
	sent              atomic.Uint64 // bytes
	datagramsReceived atomic.Uint64
	datagramsSent     atomic.Uint64
}
