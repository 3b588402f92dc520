package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"echod/server"
)

// ErrServerClosed is returned by Serve and ServeMetrics after Shutdown.
var ErrServerClosed = errors.New("control: closed")

// A Server answers the calls of the API. Its exported fields must be set before the first method
// is called and not be changed afterwards.
type Server struct {
	Controls

	// Logger takes a line for every call that changes something, with who made it, and warnings.
	// nil discards everything.
	Logger *slog.Logger

	meter meter

	mu      sync.Mutex
	closed  bool
	servers []*http.Server
	stopC   chan struct{} // ends the sampling; made with the first server
}

// Serve answers all calls to l, until Shutdown. It closes l. Who may call is l's business:
// see [Listen].
func (s *Server) Serve(l net.Listener) error {
	return s.serve(l, s.routes())
}

// ServeMetrics answers only GET /metrics and GET /healthz to l, until Shutdown. It closes l. These
// calls change nothing and name no client, so l may be open to the network.
func (s *Server) ServeMetrics(l net.Listener) error {
	return s.serve(l, s.metricsRoutes())
}

func (s *Server) serve(l net.Listener, routes []route) error {
	h, ok := s.add(routes)
	if !ok {
		l.Close()
		return ErrServerClosed
	}
	err := h.Serve(server.RetryAccept(l, s.logger()))
	if errors.Is(err, http.ErrServerClosed) {
		return ErrServerClosed
	}
	return err
}

// add makes an HTTP server, unless all are closed, and begins sampling with the first one.
func (s *Server) add(routes []route) (*http.Server, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if s.stopC == nil {
		s.stopC = make(chan struct{})
		if s.Controls.Status != nil {
			go s.sample(s.stopC)
		}
	}
	h := newHTTPServer(s.welcome(s.mux(routes)), s.logger())
	s.servers = append(s.servers, h)
	return h, true
}

// sample feeds the meter.
func (s *Server) sample(stopC <-chan struct{}) {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			status := s.Controls.Status()
			s.meter.record(sampleOf(&status))
		case <-stopC:
			return
		}
	}
}

// Shutdown takes no further calls and waits until those under way are answered. Those that are left
// when ctx ends are broken off; Shutdown then returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed && s.stopC != nil {
		close(s.stopC)
	}
	s.closed = true
	servers := s.servers
	s.mu.Unlock()
	var errs []error
	for _, h := range servers {
		err := h.Shutdown(ctx)
		if err != nil {
			h.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// logger returns where the log goes, never nil.
func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}
