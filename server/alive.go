package server

import (
	"context"
	"fmt"
)

// Alive returns nil once everything that serves has answered, and an error that wraps that of ctx if
// something does not before ctx ends: it is stuck, or the machine is too busy to tell. It is meant for the
// watchdog of a service manager. Clients do not notice, and nothing is counted or logged.
//
// Of the portable engine, which has a goroutine for each client and nothing that serves all of them,
// only the lock that all of them need is asked. Sockets for datagrams, with a goroutine each, are not asked.
func (s *Server) Alive(ctx context.Context) error {
	answersC := make(chan struct{})
	go func() {
		s.mu.Lock()
		native := s.native
		s.mu.Unlock()
		s.registry.len()
		if native == nil || native.alive(ctx) {
			close(answersC)
		}
	}()
	select {
	case <-answersC:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("server: no answer from what serves: %w", ctx.Err())
	}
}
