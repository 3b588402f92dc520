package server

import (
	"context"
	"log/slog"
	"net"
)

// RetryAccept returns a listener for another server, such as that of net/http, which would end at
// an error of accept(2) that belongs to one connection. Its Accept tries again as [Server.Serve]
// does, with warnings in log, and returns only errors that can never get better. nil discards the
// warnings.
func RetryAccept(l net.Listener, log *slog.Logger) net.Listener {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &retryListener{Listener: l, log: log, closed: ctx, cancel: cancel}
}

// A retryListener may be accepted from by one goroutine, as servers do.
type retryListener struct {
	net.Listener
	log     *slog.Logger
	backoff backoff
	closed  context.Context
	cancel  context.CancelFunc
}

func (l *retryListener) Accept() (net.Conn, error) {
	conn, err := l.backoff.accept(l.closed, l.Listener, l.log)
	if l.closed.Err() != nil && err != nil {
		return nil, net.ErrClosed
	}
	return conn, err
}

func (l *retryListener) Close() error {
	l.cancel()
	return l.Listener.Close()
}
