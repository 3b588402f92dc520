package server

import (
	"context"
	"net"
)

// A Handler serves the clients of a service. A [Builtin] is served by the engine of the server, any
// other handler has a goroutine for each client.
type Handler interface {
	// Serve serves one client, and returns when that is done: nil, the error io.EOF of Read, or
	// what it failed with. After nil or io.EOF the client still gets all that it was sent. ctx is
	// done when the server ends the session; then Read fails at once, and Write after a second.
	Serve(ctx context.Context, c *Conn) error
}

// A Conn is a client for a [Handler]. What it reads and writes is counted, and is under the idle
// timeout: each call of Read and Write lasts for as long as the client may be idle, and fails then.
// A Conn may be used by one goroutine at a time.
type Conn struct {
	client *portableClient
}

// Read reads what the client has sent.
func (c *Conn) Read(p []byte) (int, error) { return c.client.read(p) }

// Write sends all of p to the client.
func (c *Conn) Write(p []byte) (int, error) {
	before := c.client.sent.Load()
	err := c.client.write(p)
	return int(c.client.sent.Load() - before), err
}

// Info describes the client.
func (c *Conn) Info() SessionInfo { return c.client.info() }

// NetConn returns the connection. What is done with it directly is not counted. It must not be
// closed.
func (c *Conn) NetConn() net.Conn { return c.client.conn }

// A PacketHandler answers the datagrams of a service.
type PacketHandler interface {
	// AppendAnswer appends the answer to the datagram question to the slice to and returns
	// that, or false if there is none. It should not be longer than the question: the address
	// of a sender can be forged.
	AppendAnswer(to, question []byte) (answer []byte, ok bool)
}

// stream returns the Builtin that serves the streams of v, or custom if that is a handler of
// another type.
func (v *Service) stream() (b Builtin, custom bool) {
	if v.Stream == nil {
		return Echo, false
	}
	b, ok := v.Stream.(Builtin)
	return b, !ok
}

// packet does for datagrams what stream does for streams.
func (v *Service) packet() (b Builtin, custom bool) {
	if v.Packet == nil {
		return Echo, false
	}
	b, ok := v.Packet.(Builtin)
	return b, !ok
}

// timePerSource is how many datagrams a second a source gets the time for, unless Limits say
// otherwise: the answer is longer than the question.
const timePerSource = 10

// datagramLimits returns the limits of t with the defaults filled in.
func (v *Service) datagramLimits(t Terms) DatagramLimits {
	limits := t.Limits.Datagrams
	if b, custom := v.packet(); !custom && b.answersOnce() && limits.PerSource == 0 {
		limits.PerSource = timePerSource
	}
	return limits
}
