package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// ErrServerClosed is returned by Serve and ServePacket after Shutdown or Close.
var ErrServerClosed = errors.New("server: closed")

// A Server sends every client its own bytes back. The zero value is ready for use.
// The exported fields must not be changed once a method has been called; all methods may
// be called by several goroutines at once.
type Server struct {
	// Logger takes the log: a line at level Info for each client that comes and goes, warnings
	// for what keeps the server from accepting. It is called while clients wait, so its
	// handler should not block. nil discards everything.
	Logger *slog.Logger

	// IdleTimeout is how long a client may neither send anything nor take anything of what it
	// is sent. After that it is closed. 0 means for ever.
	IdleTimeout time.Duration

	// Datagrams bounds what ServePacket answers. The zero value sets no bounds.
	Datagrams DatagramLimits

	registry  registry
	totals    totals
	datagrams datagramTotals
	budget    datagramBudget

	mu        sync.Mutex
	phase     phase
	engine    engine             // made when first needed
	accepting context.Context    // done when no more clients are wanted; made with the engine
	stop      context.CancelFunc // ends accepting
	serves    sync.WaitGroup     // running calls of Serve and ServePacket; grows only while phase is open
}

// A phase is a stage in the life of a Server; it only ever grows.
type phase int

const (
	phaseOpen     phase = iota
	phaseDraining       // no new clients
	phaseClosed         // no clients
)

// Serve accepts the clients of l and serves them, until Shutdown or Close is called or
// accepting fails for good; it then returns ErrServerClosed or the error. A lack of
// descriptors or memory, or a client that is gone before it was accepted, is not for good:
// accepting is tried again after a pause that grows from 5 ms to 1 s, with a warning in the log.
//
// l is closed when Serve returns. Clients that were accepted live on. Serve may be
// called for several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	closing := &closingOnce{Listener: l}
	defer closing.Close()
	e, ctx, ok := s.beginServe()
	if !ok {
		return ErrServerClosed
	}
	defer s.serves.Done()
	err := e.serve(ctx, closing)
	if ctx.Err() != nil {
		return ErrServerClosed
	}
	return err
}

// beginServe counts a call of Serve in, unless the server has been shut down.
func (s *Server) beginServe() (engine, context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseOpen {
		return nil, nil, false
	}
	if s.engine == nil {
		s.engine = newPortableEngine(s)
		s.accepting, s.stop = context.WithCancel(context.Background())
	}
	s.serves.Add(1)
	return s.engine, s.accepting, true
}

// Shutdown stops accepting and waits for the clients that are there to leave. It
// returns nil when the last one has gone. If ctx ends first, those that are left are closed
// as Close does it, and Shutdown returns the error of ctx.
//
// A client that was still in the kernel's queue, never accepted, is reset by the kernel.
func (s *Server) Shutdown(ctx context.Context) error {
	s.enter(phaseDraining)
	err := s.registry.waitEmpty(ctx)
	s.Close()
	return err
}

// Close stops accepting and closes every client at once: nothing more is read, what has
// been read is still sent, then the connection is closed. A client that does not take
// what it is sent delays Close by one second at most, however many of them there are.
// Close returns when all clients have gone. It always returns nil.
func (s *Server) Close() error {
	s.enter(phaseClosed)
	s.registry.endAll(reasonShutdown)
	return s.registry.waitEmpty(context.Background())
}

// enter moves the server on to phase p and waits until no call of Serve accepts any more.
func (s *Server) enter(p phase) {
	s.mu.Lock()
	s.phase = max(s.phase, p)
	if s.stop != nil {
		s.stop()
	}
	s.mu.Unlock()
	s.serves.Wait()
}

// logger returns where the log goes, never nil.
func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// closingOnce is a listener that both the engine and Serve may close.
type closingOnce struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *closingOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
