package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A reason says why a session ended. Its text is what the log shows.
type reason string

const (
	reasonEOF          reason = "eof"
	reasonIdle         reason = "idle"
	reasonReset        reason = "reset"
	reasonShutdown     reason = "shutdown"
	reasonDisconnected reason = "disconnected"
	reasonError        reason = "error"
)

// reasonFor tells why a client whose connection returned err is gone.
func reasonFor(err error) reason {
	switch {
	case errors.Is(err, io.EOF):
		return reasonEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reasonIdle
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return reasonReset
	}
	return reasonError
}

// A session is one client's stay, the same for every engine: who it is, what it did, and
// the two lines about it in the log. The engine that owns it is the only one to write to it.
type session struct {
	server *Server
	id     uint64 // set by the registry

	network, local, remote string

	opened   time.Time
	activity atomic.Int64 // when a byte last moved, in nanoseconds after opened
	received atomic.Uint64
	sent     atomic.Uint64
}

// SessionInfo describes a client at one moment.
type SessionInfo struct {
	ID            uint64 // counted from 1 in the order of arrival
	Network       string // "tcp" or "unix", or what the listener says
	Local         string // the address the client connected to
	Remote        string // the client's address
	BytesReceived uint64
	BytesSent     uint64
	Opened        time.Time
	LastActivity  time.Time // when a byte last came in or went out; Opened if none did
}

// newSession describes the client behind conn. It has no id before the registry gives it one.
func newSession(s *Server, conn net.Conn) session {
	return session{
		server:  s,
		network: conn.LocalAddr().Network(),
		local:   conn.LocalAddr().String(),
		remote:  conn.RemoteAddr().String(),
		opened:  time.Now(),
	}
}

func (s *session) info() SessionInfo {
	return SessionInfo{
		ID:            s.id,
		Network:       s.network,
		Local:         s.local,
		Remote:        s.remote,
		BytesReceived: s.received.Load(),
		BytesSent:     s.sent.Load(),
		Opened:        s.opened,
		LastActivity:  s.opened.Add(time.Duration(s.activity.Load())),
	}
}

// countReceived notes that n bytes were read from the client.
func (s *session) countReceived(n int) {
	if n > 0 {
		s.received.Add(uint64(n))
		s.server.totals.received.Add(uint64(n))
		s.activity.Store(int64(time.Since(s.opened)))
	}
}

// countSent notes that the client took n bytes.
func (s *session) countSent(n int) {
	if n > 0 {
		s.sent.Add(uint64(n))
		s.server.totals.sent.Add(uint64(n))
		s.activity.Store(int64(time.Since(s.opened)))
	}
}

func (s *session) logOpened() {
	s.server.logger().LogAttrs(context.Background(), slog.LevelInfo, "connection opened",
		slog.Uint64("id", s.id), slog.String("network", s.network),
		slog.String("local", s.local), slog.String("remote", s.remote))
}

// logClosed writes the session's last line. err is shown only if the reason does not say it all.
func (s *session) logClosed(why reason, err error) {
	attrs := [...]slog.Attr{
		slog.Uint64("id", s.id), slog.String("network", s.network),
		slog.String("local", s.local), slog.String("remote", s.remote),
		slog.Uint64("bytes", s.sent.Load()),
		slog.Duration("duration", time.Since(s.opened).Round(time.Microsecond)),
		slog.String("reason", string(why)),
		slog.Any("error", err),
	}
	n := len(attrs)
	if why != reasonError {
		n--
	}
	s.server.logger().LogAttrs(context.Background(), slog.LevelInfo, "connection closed", attrs[:n]...)
}
