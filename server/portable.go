package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// smallBuffer is the size of the buffer that every client of the portable engine has, for its goroutine waits
// in a read with it. It borrows one of maxRead for as long as its messages do not fit.
const smallBuffer = 1 << 10

// closeGrace is the time a client has to take what was read from it, once the server ends its session.
const closeGrace = time.Second

// lingerQuiet is how long a client that was closed by the server may stay silent before
// the connection is given up. See linger.
const lingerQuiet = 100 * time.Millisecond

// portableEngine serves any net.Listener, with a goroutine for each client.
type portableEngine struct {
	server *Server
	bulk   sync.Pool // of *[maxRead]byte
}

func newPortableEngine(s *Server) *portableEngine {
	return &portableEngine{
		server: s,
		bulk:   sync.Pool{New: func() any { return new([maxRead]byte) }},
	}
}

func (e *portableEngine) serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var b backoff
	for {
		conn, err := b.accept(ctx, l, e.server.log)
		if err != nil {
			return err
		}
		if !e.server.admission.wait(ctx) {
			conn.Close()
			return ctx.Err()
		}
		e.welcome(conn)
	}
}

// workers are none: each client has a goroutine of its own.
func (e *portableEngine) workers() []worker { return nil }

func (e *portableEngine) stop() {}

// welcome makes conn a client if it is admitted.
func (e *portableEngine) welcome(conn net.Conn) {
	c := &portableClient{engine: e, conn: conn}
	c.beginConn(e.server, conn)
	receiveUrgentInline(conn)
	if !e.server.admit(c, &c.session) {
		refuseConn(conn)
		return
	}
	go c.run()
}

// refuseConn closes a connection so that the client sees an error, and no trace of it
// stays in the kernel as it would after an orderly end.
func refuseConn(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// A portableClient is served by the goroutine in run. Others only ever call info and end.
type portableClient struct {
	session
	engine *portableEngine
	conn   net.Conn

	mu      sync.Mutex
	ending  reason    // reasonNone while it is being served
	closeBy time.Time // end of the grace time, if the server ended the session
}

func (c *portableClient) run() {
	stop := watchVanishing(c.conn)
	defer stop()
	err := c.echo()
	why := c.finish(err)
	if why.byServer() {
		c.linger()
	}
	c.conn.Close()
	c.server.dismiss(&c.session, why, err)
}

// echo sends back what it reads until that fails. io.Copy would not do: the counters have to
// move with every message, and an idle client would keep a large buffer.
func (c *portableClient) echo() error {
	small := make([]byte, smallBuffer)
	var bulk *[maxRead]byte
	defer func() {
		if bulk != nil {
			c.engine.bulk.Put(bulk)
		}
	}()
	buf := small
	for {
		if err := c.extend(c.conn.SetReadDeadline); err != nil {
			return err
		}
		n, err := c.conn.Read(buf)
		c.gave(n)
		if werr := c.write(buf[:n]); werr != nil {
			return werr
		}
		switch {
		case err != nil:
			return err
		case n == smallBuffer && bulk == nil:
			bulk = c.engine.bulk.Get().(*[maxRead]byte)
			buf = bulk[:]
		case n < smallBuffer && bulk != nil:
			c.engine.bulk.Put(bulk)
			bulk, buf = nil, small
		}
	}
}

// write sends p. A deadline that passes while the client is slow, but takes something, is extended.
func (c *portableClient) write(p []byte) error {
	for len(p) > 0 {
		if err := c.extend(c.conn.SetWriteDeadline); err != nil {
			return err
		}
		n, err := c.conn.Write(p)
		c.took(n)
		p = p[n:]
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// gave notes that n bytes were read.
func (c *portableClient) gave(n int) {
	if n > 0 {
		c.countReceived(n, c.server.now())
		c.server.totals.received.Add(uint64(n))
	}
}

// took notes that n bytes were sent.
func (c *portableClient) took(n int) {
	if n > 0 {
		c.countSent(n, c.server.now())
		c.server.totals.sent.Add(uint64(n))
	}
}

// extend moves a deadline to IdleTimeout from now, unless end has set those that hold to the end.
func (c *portableClient) extend(setDeadline func(time.Time) error) error {
	if c.server.IdleTimeout <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != reasonNone {
		return nil
	}
	return setDeadline(time.Now().Add(c.server.IdleTimeout))
}

func (c *portableClient) end(why reason) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != reasonNone {
		return false
	}
	c.ending = why
	c.closeBy = time.Now().Add(closeGrace)
	if c.conn.SetReadDeadline(time.Now()) != nil || c.conn.SetWriteDeadline(c.closeBy) != nil {
		c.conn.Close() // it knows no deadlines
	}
	return true
}

// finish settles why the session ended, given the error that ended echo. From then on end has no effect.
func (c *portableClient) finish(err error) reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	byServer := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
	if c.ending == reasonNone || !byServer {
		c.ending = reasonFor(err)
	}
	return c.ending
}

// linger gives a client whose session the server ended the time to take what is on its way. A TCP
// connection closed while bytes from the client are unread is reset, and the client's system may then throw away what the
// client has not read yet. So the sending side is closed first, and what comes in is read
// and dropped until the client closes too, is silent for lingerQuiet, or its grace time is over.
func (c *portableClient) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	dropped := make([]byte, smallBuffer)
	for {
		quiet := time.Now().Add(lingerQuiet)
		if quiet.After(c.closeBy) {
			quiet = c.closeBy
		}
		if c.conn.SetReadDeadline(quiet) != nil {
			return
		}
		if _, err := c.conn.Read(dropped); err != nil {
			return
		}
	}
}
