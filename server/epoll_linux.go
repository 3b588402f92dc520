package server

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
)

// epollEngine serves the listeners of package net, and our own, on event loops.
type epollEngine struct {
	server    *Server
	helpC     chan struct{}           // a loop needs help
	loops     atomic.Pointer[[]*loop] // those that serve streams; the first one accepts
	quit      context.CancelFunc      // ends spread
	spreading sync.WaitGroup          // spread
	looping   sync.WaitGroup          // the loops

	mu sync.Mutex // held while the first loop is started
}

// nativeName is the name of the engine in this file.
const nativeName = "epoll"

func newNativeEngine(s *Server) engine {
	return &epollEngine{server: s, helpC: make(chan struct{}, 1)}
}

// nativeServes tells whether the engine can serve l. Other types of listeners may do more in Accept than
// to accept, even if they have a descriptor.
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

func (e *epollEngine) serve(ctx context.Context, l net.Listener) error {
	home, d, err := e.takeOver(l.(*closingOnce).Listener)
	if err != nil {
		// The caller may have told the world already that it serves.
		e.server.log.LogAttrs(ctx, slog.LevelWarn, "no event loop, served with a goroutine for each client",
			slog.String("local", l.Addr().String()), slog.Any("error", err))
		return e.server.portable.serve(ctx, l)
	}
	home.do(func() { home.open(d) })
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

// takeOver prepares for accepting. After an error, l is as it was.
func (e *epollEngine) takeOver(l net.Listener) (*loop, *epollListener, error) {
	home, err := e.home()
	if err != nil {
		return nil, nil, err
	}
	d, err := newEpollListener(l)
	return home, d, err
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
}
