package main

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"echod/server"
)

// TestOneClient serves a client that somebody else has accepted, to its end.
func TestOneClient(t *testing.T) {
	ours, theirs := net.Pipe()
	l := newOneClient(ours)
	s := new(server.Server)
	servedC := make(chan error, 1)
	go func() { servedC <- s.Serve(l, nil) }()
	within(t, l.taken(), "the server did not take the client")
	go func() {
		theirs.Write([]byte("hello"))
	}()
	got := make([]byte, 5)
	if _, err := io.ReadFull(theirs, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	theirs.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-servedC; !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if got := s.Stats().Accepted; got != 1 {
		t.Errorf("%d clients were accepted", got)
	}
}

// TestOneClientNotWanted holds that a client nobody takes is not left waiting.
func TestOneClientNotWanted(t *testing.T) {
	ours, theirs := net.Pipe()
	l := newOneClient(ours)
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	theirs.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %v, want EOF", err)
	}
}

// TestNoOneClient holds that a service without one never hears of it.
func TestNoOneClient(t *testing.T) {
	var l *oneClient
	if l.taken() != nil {
		t.Error("there is a channel")
	}
}

func within(t *testing.T, c <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal(otherwise)
	}
}
