package probe

import (
	"context"
	"net"
	"sync"
	"time"
)

// portable is the engine that runs everywhere: a goroutine a connection, and
// a second one to write while the first reads where both must happen at once.
type portable struct {
	p     *plan
	stopC chan struct{} // closed by wake

	mu      sync.Mutex // guards t and the connections of clients
	t       *tally
	clients []*client
}

// client is one connection of a portable engine, which may break and be
// opened anew.
type client struct {
	e    *portable
	id   int
	conn net.Conn // nil while there is none
	rest bool     // waits for the end of the load, and for nothing from the server
	buf  []byte   // what comes back

	round             uint64 // messages begun, or given up, of those that are due
	datagram          uint64 // number of the last one sent
	sendAt, receiveAt int    // places of a stream in the pattern
}

const (
	// connecting is how many connections are being opened at the same time
	// before the load begins: no more than the queue of the most modest server holds.
	connecting = 64

	// receiveBuffer is how much of a stream a client reads at once.
	receiveBuffer = 64 << 10

	// retryDelay is how long a connection that failed rests before it is opened anew.
	retryDelay = 100 * time.Millisecond
)

func newPortable(p *plan) *portable {
	e := &portable{p: p, stopC: make(chan struct{}), t: newTally()}
	for id := range p.Connections {
		e.clients = append(e.clients, &client{e: e, id: id, buf: make([]byte, min(p.Size+1, receiveBuffer))})
	}
	return e
}

func (e *portable) counts() *tally { return e.t }

func (e *portable) connect(ctx context.Context) {
	if e.p.Mode == Connect {
		return
	}
	var wg sync.WaitGroup
	placeC := make(chan struct{}, connecting)
	for _, c := range e.clients {
		placeC <- struct{}{}
		wg.Go(func() {
			defer func() { <-placeC }()
			if c.open(ctx) && e.p.Mode == Idle {
				c.exchange(e.p.now())
			}
		})
	}
	wg.Wait()
	e.t.began = e.t.connections.Load()
}

func (e *portable) run() {
	var wg sync.WaitGroup
	for _, c := range e.clients {
		wg.Go(c.run)
	}
	wg.Wait()
}

// wake ends all pauses, and lets nobody wait longer than the plan now says. A
// client that computed its deadline just before and sets it just after this
// waits for Timeout all the same.
func (e *portable) wake() {
	close(e.stopC)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.clients {
		switch {
		case c.rest:
			c.conn.SetReadDeadline(e.p.time(e.p.now()))
		case c.conn != nil:
			c.conn.SetDeadline(e.p.deadline())
		}
	}
}

func (e *portable) close() {
	for _, c := range e.clients {
		c.hangUp()
	}
}

func (e *portable) echoed(due int64) {
	now := e.p.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.t.echoed(e.p, 1, now)
	e.t.took(e.p, due, now)
}

func (e *portable) failed(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.t.fail(err)
}

// open connects, and tells whether that worked.
func (c *client) open(ctx context.Context) bool {
	dialCtx, cancel := context.WithTimeout(ctx, c.e.p.Timeout)
	defer cancel()
	conn, err := dial(dialCtx, c.e.p.remote.Network(), c.e.p.remote.String())
	if err != nil {
		if ctx.Err() == nil { // else it is our own doing
			c.e.failed(err)
		}
		return false
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.conn = conn
	c.e.t.connections.Add(1)
	c.sendAt = origin(c.id, 0)
	c.receiveAt = c.sendAt
	return true
}

func (c *client) hangUp() {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.rest = false
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
		c.e.t.connections.Add(-1)
	}
}

// setRest says whether the connection waits for the end of the load only. It
// does so no longer than that.
func (c *client) setRest(rest bool) {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.rest = rest
	if rest {
		c.conn.SetReadDeadline(c.e.p.time(c.e.p.end.Load()))
	}
}

// pause waits until the time at, or for the end of the load if that is
// sooner, and tells whether the load still runs.
func (c *client) pause(at int64) bool {
	p := c.e.p
	if wait := min(at, p.end.Load()) - p.now(); wait > 0 {
		timer := time.NewTimer(time.Duration(wait))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.e.stopC:
		}
	}
	return !p.ended(p.now())
}
