package server

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// smallBuffer is the size of the buffer that every client of the portable engine has, for its
// goroutine waits in a read with it. It borrows one of maxRead for as long as its messages do not
// fit.
const smallBuffer = 1 << 10

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

func (e *portableEngine) prepare(l net.Listener, v *Service) (func(context.Context) error, error) {
	return func(ctx context.Context) error { return e.accept(ctx, l, v) }, nil
}

func (e *portableEngine) accept(ctx context.Context, l net.Listener, v *Service) error {
	closeOnce := sync.OnceFunc(func() { l.Close() })
	defer closeOnce()
	stop := context.AfterFunc(ctx, closeOnce)
	defer stop()
	var b backoff
	for {
		conn, err := b.accept(ctx, l, v.log)
		if err != nil {
			return err
		}
		if !v.wait(ctx) {
			conn.Close()
			return ctx.Err()
		}
		e.newClient(conn, v)
	}
}

// serving is empty: each client has a goroutine of its own.
func (e *portableEngine) serving() []*progress { return nil }

func (e *portableEngine) applied(v *Service) {
	r := &e.server.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clientsOf(v) {
		if c, ok := c.(*portableClient); ok {
			c.applied()
		}
	}
}

func (e *portableEngine) left(*Service) {}

func (e *portableEngine) stop() {}

// newClient makes conn a client if it is admitted.
func (e *portableEngine) newClient(conn net.Conn, v *Service) {
	c := &portableClient{engine: e, conn: conn}
	c.beginConn(v, conn)
	receiveUrgentInline(conn)
	if !v.admit(c, &c.session) {
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

	unwritten  int  // what was read and could not be written, once echo has returned
	asked      bool // whether it takes something: see takes
	unsent     int  // if asked: what its system did not have
	halfClosed bool // the client was told that nothing more will come

	mu      sync.Mutex
	ending  endReason          // reasonNone while it is being served
	closeBy time.Time          // end of the grace time, if the server ended the session
	cancel  context.CancelFunc // of a handler, if it is no Builtin
}

func (c *portableClient) run() {
	stop := watchVanishing(c.conn)
	defer stop()
	err := c.serve()
	if err == nil {
		err = c.hangUp()
	}
	if errors.Is(err, io.EOF) {
		err = c.deliver()
	}
	why := c.finish(err)
	if why.byServer() {
		c.linger()
	}
	undelivered := c.close(why)
	c.service.dismiss(&c.session, why, err, undelivered)
}

// serve runs the handler of the service.
func (c *portableClient) serve() error {
	b, custom := c.service.stream()
	if !custom {
		return b.Serve(context.Background(), &Conn{c})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.mu.Lock()
	c.cancel = cancel
	if c.ending != reasonNone {
		cancel()
	}
	c.mu.Unlock()
	return c.service.Stream.Serve(ctx, &Conn{c})
}

// readAll has handle take all that the client sends, piece by piece, until that fails. io.Copy
// would not do: the counters have to move with every message, and an idle client would keep a large
// buffer.
func (c *portableClient) readAll(handle func(p []byte) error) error {
	small := make([]byte, smallBuffer)
	var bulk *[maxRead]byte
	defer func() {
		if bulk != nil {
			c.engine.bulk.Put(bulk)
			c.engine.server.trimmer.gaveUp(len(bulk))
		}
	}()
	buf := small
	for {
		n, err := c.read(buf)
		if err := handle(buf[:n]); err != nil {
			return err
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

// read reads what the client has sent. A deadline that passes while the client takes something of
// what it was sent is extended.
func (c *portableClient) read(p []byte) (int, error) {
	for {
		if err := c.extend(c.conn.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := c.conn.Read(p)
		c.gave(n)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !c.takes() {
			return n, err
		}
	}
}

// generate sends the text of chargen until that fails. What the client sends meanwhile is dropped.
func (c *portableClient) generate() error {
	stopped := false // guarded by c.mu
	goesOn := func(err error) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		// A deadline that applied has set is not for reading: the client need not send anything.
		return errors.Is(err, os.ErrDeadlineExceeded) && !stopped && c.ending == reasonNone &&
			c.conn.SetReadDeadline(time.Time{}) == nil
	}
	endedC := make(chan struct{})
	go func() {
		defer close(endedC)
		buf := make([]byte, smallBuffer)
		for {
			n, err := c.conn.Read(buf)
			if n > 0 {
				c.countReceived(n, c.now())
				c.service.totals.received.Add(uint64(n))
			}
			if err != nil && !goesOn(err) {
				return
			}
		}
	}()
	for {
		if err := c.write(c.engine.server.chargen.after(c.sent.Load())); err != nil {
			c.mu.Lock()
			stopped = true
			if c.conn.SetReadDeadline(time.Now()) != nil {
				c.conn.Close() // it knows no deadlines
			}
			c.mu.Unlock()
			<-endedC
			return err
		}
	}
}

// write sends p. A deadline that passes while the client is slow, but takes something, is extended.
func (c *portableClient) write(p []byte) error {
	for len(p) > 0 {
		if err := c.extend(c.conn.SetWriteDeadline); err != nil {
			c.unwritten = len(p)
			return err
		}
		n, err := c.conn.Write(p)
		c.took(n)
		p = p[n:]
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && (n > 0 || c.takes())) {
			c.unwritten = len(p)
			return err
		}
	}
	return nil
}

// gave notes that n bytes were read.
func (c *portableClient) gave(n int) {
	if n > 0 {
		c.asked = false
		c.countReceived(n, c.now())
		c.service.totals.received.Add(uint64(n))
	}
}

// took notes that n bytes were sent.
func (c *portableClient) took(n int) {
	if n > 0 {
		c.asked = false
		c.countSent(n, c.now())
		c.service.totals.sent.Add(uint64(n))
	}
}

// now returns the time by the clock of the server.
func (c *portableClient) now() time.Duration { return c.service.server.now() }

// idleTimeout is that of the terms, which may change at any time.
func (c *portableClient) idleTimeout() time.Duration { return c.service.terms.Load().IdleTimeout }

// extend moves a deadline to the idle timeout from now, if there is one.
func (c *portableClient) extend(setDeadline func(time.Time) error) error {
	c.mu.Lock() // so that applied sets its deadlines before, or sees what was the last activity
	defer c.mu.Unlock()
	timeout := c.idleTimeout()
	if timeout <= 0 || c.ending != reasonNone {
		return nil
	}
	if c.asked {
		timeout = c.askInterval()
	}
	return setDeadline(time.Now().Add(timeout))
}

// moveDeadline moves a deadline to d from now, unless end has set the last ones.
func (c *portableClient) moveDeadline(setDeadline func(time.Time) error, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != reasonNone {
		return nil
	}
	return setDeadline(time.Now().Add(d))
}

// applied gives the client deadlines by an idle timeout that has changed.
func (c *portableClient) applied() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != reasonNone {
		return
	}
	var deadline time.Time
	if timeout := c.idleTimeout(); timeout > 0 {
		deadline = time.Now().Add(timeout - (c.now() - c.lastActivity()))
	}
	c.conn.SetDeadline(deadline)
}
