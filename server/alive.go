package server

import (
	"context"
	"fmt"
	"time"
)

// Alive returns nil once everything that serves was seen to wait for clients, or to go on to the
// next piece of work, and an error that wraps that of ctx if something does not before ctx ends: it
// is stuck, or the machine is too busy to tell. It is meant for the watchdog of a service manager.
// Clients do not notice, and nothing is counted or logged.
//
// Looked at are the event loops, but for one that a client of a Unix socket may hold up by the
// descriptors that it passes, and the goroutines of datagram sockets. Of the portable engine, which
// has a goroutine for each client and nothing that serves all of them, only the lock that all of
// them need is tried.
func (s *Server) Alive(ctx context.Context) error {
	movedC := make(chan struct{})
	go func() {
		serving := s.serving()
		s.registry.count(&s.registry.population)
		if allMove(ctx, serving) {
			close(movedC)
		}
	}()
	select {
	case <-movedC:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("server: what serves does not go on: %w", ctx.Err())
	}
}

// serving returns the progress of what serves more than one client at this moment.
func (s *Server) serving() []*progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*progress
	if s.native != nil {
		all = s.native.serving()
	}
	for v := range s.services {
		for d := range v.sockets {
			all = append(all, &d.progress)
		}
	}
	return all
}

// Between two looks at what is at work.
const (
	progressPauseMin = 100 * time.Microsecond
	progressPauseMax = 100 * time.Millisecond
)

// allMove reports whether each was seen to wait, or to begin another piece of work, before ctx
// ended.
func allMove(ctx context.Context, all []*progress) bool {
	for _, p := range all {
		first := p.since.Load()
		for pause := progressPauseMin; first != 0 && p.since.Load() == first; pause = min(2*pause, progressPauseMax) {
			if !sleep(ctx, pause) {
				return false
			}
		}
	}
	return true
}
