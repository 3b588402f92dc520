package server

import (
	"context"
	"fmt"
)

// A worker is a goroutine that serves many clients, which all wait if it is stuck.
type worker interface {
	// do makes the goroutine run task soon, between two pieces of work, and reports true. It reports false, and the
	// task is not run, if the goroutine has ended or waits for the kernel alone. It may be called by any goroutine.
	do(task func()) bool
}

// Alive returns nil once everything that serves has answered, and an error that wraps that of ctx if
// something does not before ctx ends: it is stuck, or the machine is too busy to tell. It is meant for the
// watchdog of a service manager. Clients do not notice, and nothing is counted or logged.
//
// Those asked are the event loops, but for one that a client of a Unix socket may hold up by the
// descriptors that it passes, and the goroutines of datagram sockets. Of the portable engine, which
// has a goroutine for each client and nothing that serves all of them, only the lock that all of
// them need is asked.
func (s *Server) Alive(ctx context.Context) error {
	answersC := make(chan struct{})
	go func() {
		workers := s.workers()
		s.registry.len()
		if allAnswer(ctx, workers) {
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

// workers returns those that there are now.
func (s *Server) workers() []worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	var workers []worker
	if s.native != nil {
		workers = s.native.workers()
	}
	for d := range s.datagramSockets {
		workers = append(workers, d)
	}
	return workers
}

// allAnswer reports whether every worker has come round to a task before ctx ended.
func allAnswer(ctx context.Context, workers []worker) bool {
	answersC := make(chan struct{}, len(workers))
	asked := 0
	for _, w := range workers {
		if w.do(func() { answersC <- struct{}{} }) {
			asked++
		}
	}
	for range asked {
		select {
		case <-answersC:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
