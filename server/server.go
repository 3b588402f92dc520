package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrServerClosed is returned by Serve and ServePacket after Shutdown or Close of the server, and
// after Shutdown of the service.
var ErrServerClosed = errors.New("server: closed")

// A Server serves the clients of one or several services, see [Service], with what these have in
// common: the ids of clients, their total number, and the event loops. The zero value is ready for
// use. The exported fields must not be changed once a method has been called; all methods may be
// called by several goroutines at once.
type Server struct {
	// Logger takes the log: a line at level Info for each client that comes and goes, warnings
	// for what keeps the server from accepting. The lines of a Service with a Logger go there.
	// It is called while clients wait, so its handler should not block. nil discards
	// everything.
	Logger *slog.Logger

	// MaxConnections is how many clients there may be at once, of all services. When there are
	// so many, no more are accepted: they wait in the queue of the kernel. (With Portable, one
	// client of each listener has been accepted when it waits: a listener reserves no
	// connection for a client that may come.) The log says when that begins and when it is
	// over. 0 means as many as the process may have descriptors, less 64 for its other needs;
	// no more than that are served in any case, and a larger limit is warned of.
	MaxConnections int

	// Portable makes the server serve every listener with a goroutine for each client, as it does
	// where there is nothing better. It is meant for tests and for doubts.
	Portable bool

	registry    registry
	connections connectionLimit
	unanswered  atomic.Pointer[portSet] // ports of datagrams; set with began
	trimmer     trimmer
	chargen     *chargenText // set with began
	log         *slog.Logger // set with began
	began       time.Time    // of the first Serve; sessions count their time from it

	//lint:ignore U1000 the portable ways to serve datagrams do without
	batches sync.Pool // of what receives datagrams several at a time, where the system can

	mu        sync.Mutex
	phase     phase
	portable  engine
	native    engine                // made for the first listener that it can serve
	aside     engine                // the same, for clients that may pass descriptors
	accepting context.Context       // done when no more clients are wanted
	stop      context.CancelFunc    // ends accepting; nil before the first Serve
	serves    sync.WaitGroup        // calls that prepare or serve; grows only while phase is open
	services  map[*Service]struct{} // all but what was shut down
	unnamed   Service               // of what is served with no service given
	before    Stats                 // the sum of what the services that were shut down have done

	stopEngine sync.Once
}

// A phase is a stage in the life of a Server; it only ever grows.
type phase int

const (
	phaseOpen     phase = iota
	phaseDraining       // no new clients
	phaseClosed         // no clients
)

// Serve accepts the clients of l and serves them as v says, until Shutdown or Close of the server,
// or Shutdown of v, is called or accepting fails for good; it then returns ErrServerClosed or the
// error. Only what can never get better is for good: l is closed, is no socket, or does not listen.
// After any other error, such as a lack of descriptors or one that belongs to a single connection
// or to the network, accepting is tried again after a pause that grows from 5 ms to 1 s, with a
// warning in the log.
//
// With nil for v it serves echo without limits: a service of the server's own, the same for all
// such calls.
//
// l is closed when Serve returns. Clients that were accepted live on. Serve may be
// called for several listeners at once.
func (s *Server) Serve(l net.Listener, v *Service) error {
	serve, err := s.Prepare(l, v)
	if err != nil {
		l.Close()
		return err
	}
	return serve()
}

// Prepare does the part of Serve that can fail before a client is accepted, for want of memory or
// descriptors, and returns the function that does the rest: so a program can say that it is ready,
// and then serve. Clients that come in between wait in the queue of the kernel. After an error, l
// is as it was; if serve is not called, Close gives back what Prepare took, but for l itself.
func (s *Server) Prepare(l net.Listener, v *Service) (serve func() error, err error) {
	v, err = s.beginServe(v)
	if err != nil {
		return nil, err
	}
	defer s.endServe(v)
	accept, err := s.engineFor(l, v).prepare(l, v)
	if err != nil {
		return nil, err
	}
	return func() error {
		if _, err := s.beginServe(v); err != nil {
			l.Close()
			return err
		}
		defer s.endServe(v)
		err := accept(v.accepting)
		if v.accepting.Err() != nil {
			return ErrServerClosed
		}
		return err
	}, nil
}

// Engine returns the name of the engine that serves TCP and Unix sockets: "epoll", on Linux unless
// Portable is set, or "portable".
func (s *Server) Engine() string {
	if s.Portable {
		return portableName
	}
	return nativeName
}

// beginServe counts a call that prepares or serves in, unless the server or the service has been
// shut down, and returns the service.
func (s *Server) beginServe(v *Service) (*Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseOpen {
		return nil, ErrServerClosed
	}
	if s.stop == nil {
		s.prepare()
	}
	if v == nil {
		v = &s.unnamed
	}
	if err := v.begin(s); err != nil {
		return nil, err
	}
	s.serves.Add(1)
	return v, nil
}

// endServe counts a call out that beginServe has counted in.
func (s *Server) endServe(v *Service) {
	v.serves.Done()
	s.serves.Done()
}

// engineFor returns the engine that serves the clients of l, which are of v.
func (s *Server) engineFor(l net.Listener, v *Service) engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.native
	if c, ok := unixSocket(l); ok && !refuseDescriptors(c) {
		e = &s.aside
	}
	if _, custom := v.stream(); s.Portable || custom || !nativeServes(l) {
		return s.portable
	}
	if *e == nil {
		*e = newNativeEngine(s)
	}
	return *e
}

// engines returns the engines that there are.
func (s *Server) engines() []engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc([]engine{s.portable, s.native, s.aside}, func(e engine) bool { return e == nil })
}

// leave forgets a service that has been shut down, but for what it has done.
func (s *Server) leave(v *Service) {
	for _, e := range s.engines() {
		e.left(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.services[v]; ok {
		v.addTo(&s.before)
		delete(s.services, v)
	}
}

// unixSocket returns the Unix socket that l listens on, if it does.
func unixSocket(l net.Listener) (syscall.Conn, bool) {
	switch l := l.(type) {
	case *net.UnixListener:
		return l, true
	case *UnixListener:
		return l, true
	}
	return nil, false
}

// prepare makes what stays the same from the first Serve on.
func (s *Server) prepare() {
	s.log = s.Logger
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.began = time.Now()
	s.chargen = newChargenText()
	limit := s.ConnectionLimit()
	s.connections.init(limit, s.log)
	if limit < s.MaxConnections {
		s.log.Warn("connection limit lowered to what the descriptors allow", "max_connections", s.MaxConnections, "limit", limit)
	}
	s.accepting, s.stop = context.WithCancel(context.Background())
	s.portable = newPortableEngine(s)
	s.services = make(map[*Service]struct{})
	s.knowPorts()
}

// Shutdown stops accepting and waits for the clients that are there to leave. It
// returns nil when the last one has gone. If ctx ends first, the clients that are left are closed
// as Close does it, and Shutdown returns the error of ctx.
//
// A client that was still in the kernel's queue, never accepted, is reset by the kernel.
func (s *Server) Shutdown(ctx context.Context) error {
	s.enter(phaseDraining)
	err := s.registry.waitEmpty(ctx, &s.registry.population)
	s.Close()
	return err
}

// Close stops accepting and closes every client at once: nothing more is read, what has been read
// is still sent, then the connection is closed. A client that does not take what it is sent delays
// Close by one second at most, however many of them there are: what the system has taken by then it
// goes on to deliver, and a client for which there is more is reset. Close returns when all clients
// have gone. It always returns nil.
func (s *Server) Close() error {
	s.enter(phaseClosed)
	s.registry.endAll(nil)
	s.registry.waitEmpty(context.Background(), &s.registry.population)
	s.stopEngine.Do(func() {
		s.connections.fullness.close()
		s.mu.Lock()
		for v := range s.services {
			v.connections.fullness.close()
		}
		s.mu.Unlock()
		for _, e := range s.engines() {
			e.stop()
		}
		s.trimmer.stop()
	})
	return nil
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

// now returns the time since began.
func (s *Server) now() time.Duration {
	return time.Since(s.began)
}
