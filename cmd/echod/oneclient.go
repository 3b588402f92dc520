package main

import (
	"net"
	"sync"
)

// A oneClient is a listener whose only client was accepted by somebody else. That client goes the
// same way through the server as all others.
type oneClient struct {
	conn      net.Conn
	givenOnce sync.Once
	closeOnce sync.Once
	closedC   chan struct{}

	// takenC is closed when the server asks for the next client: it then has this one.
	takenC    chan struct{}
	takenOnce sync.Once
}

func newOneClient(conn net.Conn) *oneClient {
	return &oneClient{conn: conn, closedC: make(chan struct{}), takenC: make(chan struct{})}
}

// Accept returns the client, and then blocks until Close.
func (l *oneClient) Accept() (net.Conn, error) {
	var conn net.Conn
	l.givenOnce.Do(func() { conn = l.conn })
	if conn != nil {
		return conn, nil
	}
	l.takenOnce.Do(func() { close(l.takenC) })
	<-l.closedC
	return nil, net.ErrClosed
}

// Close ends Accept. It leaves the client alone, unless Accept never returned it.
func (l *oneClient) Close() error {
	l.closeOnce.Do(func() { close(l.closedC) })
	var err error
	l.givenOnce.Do(func() { err = l.conn.Close() })
	return err
}

func (l *oneClient) Addr() net.Addr { return l.conn.LocalAddr() }

// taken returns the channel that tells when the server has the client. It is nil, and never tells,
// when there is no oneClient.
func (l *oneClient) taken() <-chan struct{} {
	if l == nil {
		return nil
	}
	return l.takenC
}
