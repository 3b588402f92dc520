package server

import (
	"net"
	"sync/atomic"
	"time"
)

// A session is one client, from when it is accepted to when its connection is closed, the same for
// every engine: its addresses, and what it did. The
// engine that owns it is the only one to write to it. Times are counted from Server.began.
type session struct {
	activity atomic.Int64 // when a byte last moved, a time.Duration
	received atomic.Uint64
	sent     atomic.Uint64

	service *Service
	id      uint64 // set by the registry
	local   *localEnd
	remote  endpoint
	opened  time.Duration
}

// SessionInfo describes a client at one moment.
type SessionInfo struct {
	ID            uint64 // counted from 1 in the order of arrival
	Service       string // Service.Name
	Network       string // "tcp" or "unix", or what the listener says
	Local         string // the address the client connected to
	Remote        string // the client's address
	BytesReceived uint64
	BytesSent     uint64
	Opened        time.Time
	LastActivity  time.Time // when a byte last came in or went out; Opened if none did
}

// base is part of client.
func (s *session) base() *session { return s }

// begin describes a client that has come at the time now.
func (s *session) begin(v *Service, local *localEnd, remote endpoint, now time.Duration) {
	s.service, s.local, s.remote, s.opened = v, local, remote, now
	s.activity.Store(int64(now))
}

// beginConn describes the client behind conn, which has come this moment.
func (s *session) beginConn(v *Service, conn net.Conn) {
	a := conn.LocalAddr()
	s.begin(v, &localEnd{a.Network(), a.String()}, endpointOf(conn.RemoteAddr()), v.server.now())
}

func (s *session) info() SessionInfo {
	return SessionInfo{
		ID:            s.id,
		Service:       s.service.Name,
		Network:       s.local.network,
		Local:         s.local.address,
		Remote:        s.remote.String(),
		BytesReceived: s.received.Load(),
		BytesSent:     s.sent.Load(),
		Opened:        s.service.server.began.Add(s.opened),
		LastActivity:  s.service.server.began.Add(s.lastActivity()),
	}
}

// countReceived notes that n bytes were read from the client at the time now.
func (s *session) countReceived(n int, now time.Duration) {
	s.received.Store(s.received.Load() + uint64(n)) // cheaper than Add, and there is one writer
	s.activity.Store(int64(now))
}

// countSent notes that the client took n bytes at the time now.
func (s *session) countSent(n int, now time.Duration) {
	s.sent.Store(s.sent.Load() + uint64(n))
	s.activity.Store(int64(now))
}

// lastActivity returns when a byte last moved.
func (s *session) lastActivity() time.Duration {
	return time.Duration(s.activity.Load())
}
