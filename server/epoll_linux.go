package server

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// epollEngine serves the listeners of package net, and our own, on event loops.
type epollEngine struct {
	server    *Server
	helpC     chan struct{}           // a loop needs help
	loops     atomic.Pointer[[]*loop] // the loops that serve streams; the first one accepts
	quit      context.CancelFunc      // ends spread
	spreading sync.WaitGroup          // spread
	looping   sync.WaitGroup          // the loops

	mu       sync.Mutex                  // held while the first loop is started
	prepared map[*epollListener]struct{} // and not served; guarded by mu
}

// nativeName is the name of the engine in this file.
const nativeName = "epoll"

func newNativeEngine(s *Server) engine {
	return &epollEngine{server: s, helpC: make(chan struct{}, 1), prepared: make(map[*epollListener]struct{})}
}

// nativeServes tells whether the engine can serve l. Other types of listeners may do more in Accept
// than to accept, even if they have a descriptor.
func nativeServes(l net.Listener) bool {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener, *UnixListener:
		return true
	}
	return false
}

// start makes a loop and lets it run.
func (e *epollEngine) start() (*loop, error) {
	l, err := newLoop(e)
	if err != nil {
		return nil, err
	}
	e.looping.Go(l.run)
	return l, nil
}

// home returns the loop that accepts.
func (e *epollEngine) home() (*loop, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loops.Load() == nil {
		l, err := e.start()
		if err != nil {
			return nil, err
		}
		e.loops.Store(&[]*loop{l})
		ctx, cancel := context.WithCancel(context.Background())
		e.quit = cancel
		e.spreading.Go(func() { e.spread(ctx) })
	}
	return (*e.loops.Load())[0], nil
}

func (e *epollEngine) prepare(l net.Listener, v *Service) (func(context.Context) error, error) {
	home, err := e.home()
	if err != nil {
		return nil, err
	}
	d, err := newEpollListener(l, home, v)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.prepared[d] = struct{}{}
	e.mu.Unlock()
	return func(ctx context.Context) error { return e.accept(ctx, d, l) }, nil
}

func (e *epollEngine) accept(ctx context.Context, d *epollListener, l net.Listener) error {
	e.mu.Lock()
	delete(e.prepared, d)
	e.mu.Unlock()
	home := d.home
	home.do(func() { home.open(d) })
	var err error
	select {
	case err = <-d.brokenC:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.Close() // a Unix socket's file is removed before the socket is closed
	shutC := make(chan struct{})
	home.do(func() {
		home.shut(d)
		close(shutC)
	})
	<-shutC
	return err
}

func (e *epollEngine) serving() []*progress {
	loops := e.loops.Load()
	if loops == nil {
		return nil
	}
	all := make([]*progress, len(*loops))
	for i, l := range *loops {
		all[i] = &l.progress
	}
	return all
}

func (e *epollEngine) applied(v *Service) {
	e.each(func(l *loop) {
		if g := l.services[v]; g != nil {
			g.setTimeout(v.terms.Load().IdleTimeout)
		}
	})
}

func (e *epollEngine) left(v *Service) {
	e.each(func(l *loop) { delete(l.services, v) })
}

// each has all loops run a task soon.
func (e *epollEngine) each(task func(l *loop)) {
	if loops := e.loops.Load(); loops != nil {
		for _, l := range *loops {
			l.do(func() { task(l) })
		}
	}
}

func (e *epollEngine) stop() {
	if loops := e.loops.Load(); loops != nil {
		e.quit()
		e.spreading.Wait() // or it might start one more loop
		loops = e.loops.Load()
		for _, l := range *loops {
			l.do(func() { l.stopped = true })
		}
	}
	e.looping.Wait()
	for d := range e.prepared { // nothing is prepared or served any more
		closeSocket(d.fd)
	}
}
