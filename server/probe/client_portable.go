package probe

import (
	"context"
	"errors"
	"os"
)

// run makes this connection's part of the load.
func (c *client) run() {
	switch c.e.p.Mode {
	case Idle:
		c.idle()
	case Stream:
		for c.ready() {
			if err := c.stream(); err != nil {
				c.broken(err)
			}
		}
	default:
		c.rounds()
	}
	if c.e.p.open() {
		c.e.mu.Lock()
		defer c.e.mu.Unlock()
		c.e.t.skipped(c.e.p, c.id, c.round)
	}
}

// rounds sends a message when it is due, or when the last one is back.
func (c *client) rounds() {
	for {
		due := c.due()
		if !c.pause(due) || !c.ready() {
			return
		}
		c.round++
		c.exchange(due)
		if c.e.p.Mode == Connect {
			c.hangUp()
		}
	}
}

// due is when the next message is to be sent: now in a closed loop.
func (c *client) due() int64 {
	if c.e.p.open() {
		return c.e.p.due(c.id, c.round)
	}
	return c.e.p.now()
}

// idle does nothing until the load is over, but notices if the server does
// something, and then asks whether it is still there.
func (c *client) idle() {
	if c.conn == nil {
		return
	}
	c.setRest(true)
	n, err := c.conn.Read(c.buf)
	c.setRest(false)
	switch {
	case n > 0:
		c.broken(errCorrupt)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.exchange(c.e.p.now())
	default:
		c.broken(err)
	}
}

// ready sees to it that there is a connection, however often it takes, and
// tells whether there is one before the load is over.
func (c *client) ready() bool {
	p := c.e.p
	for !p.ended(p.now()) {
		if c.conn != nil || c.open(context.Background()) {
			return true
		}
		c.pause(p.now() + int64(retryDelay))
	}
	return false
}

// broken counts a failure. It also gives the connection up, unless all that
// happened is that a datagram was lost.
func (c *client) broken(err error) {
	c.e.failed(err)
	if !c.e.p.stream && errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	c.hangUp()
	c.pause(c.e.p.now() + int64(retryDelay))
}

// exchange sends one message and counts what comes of it.
func (c *client) exchange(due int64) {
	trip := c.streamTrip
	if !c.e.p.stream {
		trip = c.datagramTrip
	}
	if err := trip(); err != nil {
		c.broken(err)
		return
	}
	c.e.echoed(due)
}

// streamTrip sends one message and reads it back, both at the same time if it
// may be too long for the buffers on the way.
func (c *client) streamTrip() error {
	const short = 16 << 10
	size := c.e.p.Size
	c.conn.SetDeadline(c.e.p.deadline())
	if size <= short {
		if err := c.send(size); err != nil {
			return err
		}
		return c.receive(size)
	}
	sentC := make(chan error, 1)
	go func() { sentC <- c.send(size) }()
	err := c.receive(size)
	if err != nil {
		c.conn.Close() // ends send, too
	}
	return errors.Join(err, <-sentC)
}

// send sends the next n bytes of the pattern.
func (c *client) send(n int) error {
	for n > 0 {
		w := c.e.p.pattern.window(c.sendAt, n)
		if _, err := c.conn.Write(w); err != nil {
			return err
		}
		n -= len(w)
		c.sendAt = advance(c.sendAt, len(w))
	}
	return nil
}

// receive reads n bytes that must be the pattern's next. The deadline moves
// with every read: the server is given up when it has stopped, not when it is slow.
func (c *client) receive(n int) error {
	for n > 0 {
		c.conn.SetDeadline(c.e.p.deadline())
		got, err := c.conn.Read(c.buf[:min(n, len(c.buf))])
		if !c.e.p.pattern.equal(c.buf[:got], c.receiveAt) {
			return errCorrupt
		}
		n -= got
		c.receiveAt = advance(c.receiveAt, got)
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// stream sends messages and reads them back at the same time, until the load
// is over and all are back.
func (c *client) stream() error {
	// How many messages may be on their way beyond what the system's buffers hold.
	const ahead = 1024
	var (
		dueC   = make(chan int64, ahead)
		abortC = make(chan struct{})
		sentC  = make(chan error, 1)
	)
	go func() {
		defer close(dueC)
		sentC <- c.pour(dueC, abortC)
	}()
	var err error
	for due := range dueC {
		if err = c.receive(c.e.p.Size); err != nil {
			break
		}
		c.e.echoed(due)
	}
	if err != nil {
		close(abortC)
		c.conn.Close()
	}
	return errors.Join(err, <-sentC)
}

// pour sends messages until the load is over, and says of each when it was due.
func (c *client) pour(dueC chan<- int64, abortC <-chan struct{}) error {
	for {
		due := c.due()
		if !c.pause(due) {
			return nil
		}
		select {
		case dueC <- due:
		case <-abortC:
			return nil
		}
		c.round++
		c.conn.SetDeadline(c.e.p.deadline())
		if err := c.send(c.e.p.Size); err != nil {
			return err
		}
	}
}

// datagramTrip sends one datagram and waits for it to come back.
func (c *client) datagramTrip() error {
	pattern, size := c.e.p.pattern, c.e.p.Size
	c.datagram++
	c.conn.SetDeadline(c.e.p.deadline())
	if _, err := c.conn.Write(pattern.window(origin(c.id, c.datagram), size)); err != nil {
		return err
	}
	for {
		n, err := c.conn.Read(c.buf)
		if err != nil {
			return err
		}
		switch age := pattern.age(c.buf[:n], size, c.id, c.datagram); {
		case age == 0:
			return nil
		case age < 0:
			return errCorrupt
		}
		c.e.failed(errLate)
	}
}
