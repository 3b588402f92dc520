package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// A server that never served, or serves no more, is not stuck.
func TestAliveWithoutClients(t *testing.T) {
	s := new(Server)
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("before the first Serve: %v", err)
	}
	s.Close()
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// Who serves datagrams is asked, and goes on: when there is nothing to do, and when there is no end
// of it.
func TestAliveAsksDatagramSockets(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		conn := f.dial("", f.host())
		for range 10 {
			f.mustBeAlive()
			trade(t, conn, []byte("between two questions"))
		}
		stop := make(chan struct{})
		var flooding sync.WaitGroup
		flooding.Go(func() {
			flood := f.dial("", f.host())
			for {
				select {
				case <-stop:
					return
				default:
					flood.Write([]byte("on and on"))
				}
			}
		})
		for range 10 {
			before := f.server.Stats().Datagrams.Received
			waitUntil(t, "there is traffic", func() bool { return f.server.Stats().Datagrams.Received > before+100 })
			f.mustBeAlive()
		}
		close(stop)
		flooding.Wait()
		f.mustBeAlive()
	})
}

func (f *datagrams) mustBeAlive() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	if err := f.server.Alive(ctx); err != nil {
		f.t.Error(err)
	}
}

// A holdingWriter keeps whoever writes until it is let go.
type holdingWriter struct{ heldC, releaseC chan struct{} }

func (w holdingWriter) Write(p []byte) (int, error) {
	w.heldC <- struct{}{}
	<-w.releaseC
	return len(p), nil
}

// Who serves datagrams and does not come back from its log is stuck.
func TestAliveNoticesAStuckDatagramSocket(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			f := newDatagrams(t, way, "127.0.0.1:0")
			log := holdingWriter{make(chan struct{}), make(chan struct{})}
			f.server.Logger = slog.New(slog.NewTextHandler(log, nil))
			f.terms.Limits.Datagrams.Total = 1
			f.start()
			conn := f.dial("", f.host())
			trade(t, conn, bytes.Repeat([]byte("x"), 3))
			if _, err := conn.Write([]byte("one too many")); err != nil {
				t.Fatal(err)
			}
			wait(t, "a line for the log", log.heldC)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := f.server.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("while it is stuck: %v", err)
			}
			close(log.releaseC)
			f.mustBeAlive()
		})
	}
}

// Questions and the end may come at once: nobody waits for ever, and serving ends.
func TestAliveAtTheEnd(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		trade(t, f.dial("", f.host()), []byte("it serves"))
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				for f.serving() {
					f.mustBeAlive()
				}
			})
		}
		f.server.Close()
		if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("ServePacket returned %v", err)
		}
		asking.Wait()
	})
}

// A goroutine that has ended cannot go on. It is told to end while it is at work.
func TestAliveAfterTheEnd(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			f := newDatagrams(t, way, "127.0.0.1:0")
			log := holdingWriter{make(chan struct{}), make(chan struct{})}
			f.server.Logger = slog.New(slog.NewTextHandler(log, nil))
			f.terms.Limits.Datagrams.Total = 1
			f.start()
			conn := f.dial("", f.host())
			trade(t, conn, []byte("x"))
			if _, err := conn.Write([]byte("one too many")); err != nil {
				t.Fatal(err)
			}
			wait(t, "a line for the log", log.heldC)
			serving := f.server.serving()
			go f.server.Close()
			waitUntil(t, "it is told to end", func() bool {
				f.server.mu.Lock()
				defer f.server.mu.Unlock()
				for d := range f.service.sockets {
					return d.stopping.Load()
				}
				return false
			})
			close(log.releaseC)
			wait(t, "ServePacket", f.servedC)
			mustMove(t, serving)
		})
	}
}

// mustMove sees to it that nothing looks stuck.
func mustMove(t *testing.T, serving []*progress) {
	t.Helper()
	if len(serving) == 0 {
		t.Fatal("nothing served")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if !allMove(ctx, serving) {
		t.Error("what has ended is taken for stuck")
	}
}

// serving tells whether the server may still be asked something.
func (f *datagrams) serving() bool {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	return len(f.service.sockets) > 0
}
