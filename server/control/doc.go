// Package control looks into and steers a running server: HTTP and JSON over a Unix socket, so that
// curl --unix-socket is a client too.
//
//	GET    /v1/status            Status
//	GET    /v1/connections       {"connections":[Connection, …]}
//	DELETE /v1/connections/{id}  204 No Content
//	GET    /v1/log-level         LogLevel
//	PUT    /v1/log-level         LogLevel, both ways
//	POST   /v1/reopen            Answer, when the log was reopened
//	POST   /v1/reload            Answer, when the configuration was read as well
//	POST   /v1/drain             Answer, 202 Accepted: the server is on its way
//	POST   /v1/stop              Answer, 202 Accepted
//	GET    /metrics              for Prometheus, text format 0.0.4
//	GET    /healthz              "ok", or 503 Service Unavailable once the server is ending
//
// Whatever fails is answered with a [Problem], application/problem+json (RFC 9457), except for what
// net/http refuses before there is a request: malformed or too large a head, and a client that is
// too slow.
//
// A server is given its controls as functions, so this package knows what a [server.Server] tells
// of its clients and nothing else:
//
//	l, err := control.Listen("/run/echod/control.sock", nil)
//	if err != nil {
//		return err
//	}
//	s := &control.Server{Controls: control.Controls{Status: status, Clients: echo, Level: level}}
//	go s.Serve(l, nil)
//	…
//	s.Shutdown(ctx)
//
// and another process asks it:
//
//	status, err := control.NewClient("/run/echod/control.sock").Status(ctx)
//
// # Who may call
//
// The socket has mode 0600. Where the system tells who is calling (Linux), root, the user who made
// the socket and its owner are served and others refused, even if somebody has changed the mode.
//
// # What a caller can do to the server
//
// Nothing by being slow, silent, endless or many: requests and answers have time and size limits,
// there are at most 64 connections, and the one that has been silent for longest makes room for the
// next.
package control
