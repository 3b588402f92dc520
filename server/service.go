package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// errOtherServer is why a service is not served.
var errOtherServer = errors.New("server: the service belongs to another server")

// A Service is what the clients of some sockets get, and on what terms. The zero value is echo
// without limits. A service belongs to the first [Server] that serves it. The exported fields must
// not be changed once it is served; all methods may be called by several goroutines at once.
type Service struct {
	// Name is in the lines of the log about the service and its clients, as service=Name, and in
	// [SessionInfo]. Without a name they have no such field.
	Name string

	// Stream serves the clients of listeners. nil is Echo.
	Stream Handler

	// Packet answers the datagrams of packet sockets. nil is Echo.
	Packet PacketHandler

	// Logger takes the log of the service, as Server.Logger does. nil is that of the Server.
	Logger *slog.Logger

	applying sync.Mutex // held by Apply
	terms    atomic.Pointer[activeTerms]

	connections connectionLimit
	refusals    refusalLog
	totals      totals
	members     members // guarded by the registry of the server

	mu        sync.Mutex // taken after Server.mu
	server    *Server    // nil until it is served
	log       *slog.Logger
	accepting context.Context    // done when no more clients are wanted
	stop      context.CancelFunc // ends accepting
	stopped   bool               // Shutdown was called
	serves    sync.WaitGroup     // calls that prepare or serve; grows only while not stopped

	// Both are guarded by Server.mu.
	sockets       map[*datagramSocket]struct{} // being served
	droppedBefore DatagramStats                // Dropped and DroppedUnknown of sockets that are closed
}

// Apply changes the terms of the service. Its sockets, its clients and its counters stay, and so
// does what has been used of limits and rates. Limits and access hold for the clients and datagrams
// that come from now on: no client has to leave because a limit is lower than before. The idle
// timeout holds for all.
func (v *Service) Apply(t Terms) {
	v.applying.Lock()
	defer v.applying.Unlock()
	now := time.Duration(0)
	if s := v.owner(); s != nil {
		now = s.now()
	}
	v.terms.Store(v.current().next(v, t, now))
	s := v.owner()
	if s == nil {
		return // join will see them
	}
	v.connections.change(t.Limits.Connections)
	for _, e := range s.engines() {
		e.applied(v)
	}
}

// current returns the terms that hold.
func (v *Service) current() *activeTerms {
	if t := v.terms.Load(); t != nil {
		return t
	}
	return new(activeTerms)
}

// owner returns the server that serves v, or nil if there is none yet.
func (v *Service) owner() *Server {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.server
}

// begin counts a call that prepares or serves in, until serves.Done is called. s.mu is held.
func (v *Service) begin(s *Server) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.stopped:
		return ErrServerClosed
	case v.server == nil:
		v.join(s)
	case v.server != s:
		return errOtherServer
	}
	v.serves.Add(1)
	return nil
}

// join makes v a service of s. The mutexes of both are held.
func (v *Service) join(s *Server) {
	v.server = s
	v.log = s.log
	if v.Logger != nil {
		v.log = v.Logger
	}
	if v.Name != "" {
		v.log = v.log.With("service", v.Name)
	}
	v.terms.CompareAndSwap(nil, new(activeTerms).next(v, Terms{}, 0)) // Apply may be storing others
	v.connections.init(v.terms.Load().Limits.Connections, v.log)
	v.accepting, v.stop = context.WithCancel(s.accepting)
	v.sockets = make(map[*datagramSocket]struct{})
	s.services[v] = struct{}{}
}

// Shutdown stops the service, and nothing else of the server: its listeners and packet sockets are
// closed, and their calls of Serve and ServePacket return ErrServerClosed. It waits for the clients
// of the service to leave. It returns nil when the last one has gone. If ctx ends first, the
// clients that are left are closed as Server.Close does it, and Shutdown returns the error of ctx.
// The service cannot be served again; its counters stay part of the counters of the server.
func (v *Service) Shutdown(ctx context.Context) error {
	v.mu.Lock()
	v.stopped = true
	s := v.server
	if s == nil {
		v.mu.Unlock()
		return nil
	}
	v.stop()
	v.mu.Unlock()
	v.serves.Wait()
	err := s.registry.waitEmpty(ctx, &v.members.population)
	s.registry.endAll(v)
	s.registry.waitEmpty(context.Background(), &v.members.population)
	v.connections.fullness.close()
	s.leave(v)
	return err
}

// acquire takes one of the connections that there may be, of the service and of the server. If
// there is none, it reports false and calls free, once, when there may be one.
func (v *Service) acquire(free func()) bool {
	if !v.connections.acquire(free) {
		return false
	}
	if !v.server.connections.acquire(free) {
		v.connections.release()
		return false
	}
	return true
}

// wait is acquire as soon as there is one. It reports false if ctx ends first.
func (v *Service) wait(ctx context.Context) bool {
	for {
		freeC := make(chan struct{}, 2) // one from each limit
		if v.acquire(func() { freeC <- struct{}{} }) {
			return true
		}
		select {
		case <-freeC:
		case <-ctx.Done():
			return false
		}
	}
}

// release gives back what acquire took.
func (v *Service) release() {
	v.connections.release()
	v.server.connections.release()
}
