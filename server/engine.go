package server

import (
	"context"
	"net"
)

// An engine accepts clients and moves their bytes. It makes a session for each of them,
// puts it into the registry before the first byte is read, and finishes it after the
// connection is closed.
type engine interface {
	// prepare does all for the listener l of a service that can fail, and returns the function that
	// accepts its clients until ctx is done or accepting fails for good, and returns the error. It
	// does not wait for the clients. After an error of prepare, l is as it was; else it belongs to
	// accept, which has closed it when it returns.
	prepare(l net.Listener, v *Service) (accept func(ctx context.Context) error, err error)

	// applied makes the clients of a service have the idle timeout of its terms, which have
	// changed.
	applied(v *Service)

	// left forgets a service that has no clients and no listeners any more.
	left(v *Service)

	// serving returns the progress of the goroutines that serve more than one client.
	serving() []*progress

	// stop gives back what the engine holds. There are no clients and no running serve any more.
	stop()
}

// maxRead is how many bytes are read from a client at once, at most. A client that does not take
// what it is sent is not read from, so this is also what the server may have to hold of one.
//
// With 16 clients that sent 128 KB at a time, twice as much moved no more, and half as much a
// seventh less. splice(2), which copies nothing, took a third off the server's work and put it on
// the peer on the same machine, whose copies were then of pages that no cache had any more:
// together they got through a fifth less.
const maxRead = 128 << 10

// portableName is the name of the engine that there is everywhere.
const portableName = "portable"

// A client is a session together with the connection it belongs to.
type client interface {
	// base returns the session. Its info may be called at any time by any goroutine.
	base() *session
	// end makes the engine stop reading from the client, send what has been read, close the
	// connection and finish the session for the reason given. It does not wait for that. It
	// reports false, and has no effect, if the session is ending already or has ended.
	end(endReason) bool
}
