package server

import (
	"context"
	"log/slog"
	"time"
)

// The log lines about a client. Their names, and the order of what they say, are what
// scripts rely on; doc.go has them.

func (s *session) logOpened() {
	log := s.service.log
	if !log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "connection opened",
		slog.Uint64("id", s.id), slog.String("network", s.local.network),
		slog.String("local", s.local.address), slog.String("remote", s.remote.String()))
}

// logClosed says that the session ended at the time now. err is shown only if the reason
// does not say it all, undelivered if it is not 0.
func (s *session) logClosed(why endReason, err error, undelivered int, now time.Duration) {
	log := s.service.log
	if !log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 9), // no less than all: the compiler keeps it on the stack
		slog.Uint64("id", s.id), slog.String("network", s.local.network),
		slog.String("local", s.local.address), slog.String("remote", s.remote.String()),
		slog.Uint64("bytes", s.sent.Load()),
		slog.Duration("duration", (now-s.opened).Round(time.Microsecond)),
		slog.String("reason", why.String()))
	if undelivered > 0 {
		attrs = append(attrs, slog.Int("undelivered", undelivered))
	}
	if why == reasonError {
		attrs = append(attrs, slog.Any("error", err))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "connection closed", attrs...)
}

// refuseConnection counts a connection that is refused, and says so in the log, unless it has said
// so of another one, for the same reason, within the last second.
func (v *Service) refuseConnection(n *session, why Reason) {
	if heldBack, ok := v.refusals.note(why); ok {
		v.log.LogAttrs(context.Background(), slog.LevelInfo, "connection refused",
			slog.String("network", n.local.network), slog.String("local", n.local.address),
			slog.String("remote", n.remote.String()), slog.String("reason", why.String()),
			slog.Uint64("held_back", heldBack))
	}
}
