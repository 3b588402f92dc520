package server

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// TestAliveNoticesAStuckLoop holds one loop up, and lets it go.
func TestAliveNoticesAStuckLoop(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := new(Server)
	t.Cleanup(func() { s.Close() })
	go s.Serve(l, nil)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("while it serves: %v", err)
	}
	stuckC, releaseC := make(chan struct{}), make(chan struct{})
	(*s.native.(*epollEngine).loops.Load())[0].do(func() { close(stuckC); <-releaseC })
	wait(t, "the loop to be stuck", stuckC)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while a loop is stuck: %v", err)
	}
	close(releaseC)
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("when the loop goes on: %v", err)
	}
}

// A loop that has ended cannot go on.
func TestAliveAfterTheEndOfLoops(t *testing.T) {
	f := newFixture(t, engineCase{nativeName, func(*Server) {}}, "tcp4")
	f.start()
	waitUntil(t, "there is a loop", func() bool { return len(f.server.serving()) > 0 })
	serving := f.server.serving()
	f.server.Close()
	mustMove(t, serving)
}
