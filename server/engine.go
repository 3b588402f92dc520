package server

import (
	"context"
	"net"
)

// An engine accepts clients and moves their bytes. It makes a session for each of them,
// puts it into the registry before the first byte is read, and finishes it after the
// connection is closed.
type engine interface {
	// serve accepts the clients of l until ctx is done or accepting fails for good, and
	// returns the error. It closes l when ctx is done. It does not wait for the clients.
	serve(ctx context.Context, l net.Listener) error

	// alive reports whether everything that serves has answered before ctx ended.
	alive(ctx context.Context) bool

	// stop gives back what the engine holds. There are no clients and no running serve any more.
	stop()
}

// portableName is the name of the engine that there is everywhere.
const portableName = "portable"

// A client is a session together with the connection it belongs to.
type client interface {
	// info describes the session. It may be called at any time by any goroutine.
	info() SessionInfo
	// end makes the engine stop reading from the client, send what has been read, close the
	// connection and finish the session for the reason given. It does not wait for that. It
	// reports false, and has no effect, if the session is ending already or has ended.
	end(reason) bool
}
