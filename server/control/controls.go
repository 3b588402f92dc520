package control

import (
	"context"
	"iter"
	"log/slog"

	"echod/server"
)

// Controls is what a Server looks into and steers: one function a call. They are called by
// several goroutines at once. A call whose function is nil is answered with 501 Not Implemented.
type Controls struct {
	// Status returns what the server is doing at this moment. The Server adds the rates.
	Status func() Status

	// Clients are the connections being served: a *server.Server.
	Clients Clients

	// Level is the level of the log.
	Level *slog.LevelVar

	// Reopen opens the log file again, after it was renamed, and returns when the old one is
	// not written to any more. The message is for people: what was done.
	Reopen func(context.Context) (message string, err error)

	// Reload does what Reopen does and reads the configuration again. After an error all is as
	// it was.
	Reload func(context.Context) (message string, err error)

	// Drain has the server take no new clients and end when the last one has left. It does not
	// wait for that.
	Drain func(context.Context) (message string, err error)

	// Stop has the server end at once. It does not wait for that.
	Stop func(context.Context) (message string, err error)
}

// Clients is the part of a [server.Server] that is looked into. Sessions must bear a caller
// that goes on slowly.
type Clients interface {
	Sessions() iter.Seq[server.SessionInfo]
	Disconnect(id uint64) bool
}

var _ Clients = (*server.Server)(nil)
