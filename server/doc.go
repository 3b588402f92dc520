// Package server serves echo (RFC 862), the other small services of inetd, see [Builtin], and any
// other service, see [Handler]. A [Server] has one or several of them, each a [Service] with limits
// of its own.
//
// The caller brings the listeners, so it does not matter what made them: this process, its
// parent, systemd or inetd.
//
//	l, err := net.Listen("tcp", "127.0.0.1:7007")
//	if err != nil {
//		return err
//	}
//	var echo server.Service
//	echo.Apply(server.Terms{IdleTimeout: time.Minute})
//	s := &server.Server{Logger: slog.Default()}
//	go s.Serve(l, &echo)
//	…
//	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
//	defer cancel()
//	return s.Shutdown(ctx)
//
// # What a client may rely on
//
// Of echo, every byte comes back, in order, once. A client that shuts down its sending side gets
// everything it is still owed and then the end of the stream, however late it reads: it is a
// client, under all limits and the idle timeout, until its system has acknowledged the last byte. A
// client that sends without reading is not read from until it takes what it was sent, so the memory
// it costs is bounded, and no byte is dropped to keep it so.
//
// # The end of a client
//
// Each client is a session with an id, counted from 1, and two log lines at level Info:
//
//	msg="connection opened" id=1 network=tcp local=127.0.0.1:7007 remote=127.0.0.1:50412
//	msg="connection closed" id=1 network=tcp local=127.0.0.1:7007 remote=127.0.0.1:50412 bytes=6 duration=1.2ms reason=eof
//
// bytes is what was sent back; undelivered, after reason, how many of these the client's system had
// not acknowledged at the end, if there are any. reason is one of
//
//	eof           the client was done, and its system has everything
//	idle          it neither sent nor took anything for Terms.IdleTimeout
//	reset         it broke the connection off
//	timeout       its system has not answered for too long: it has vanished, or the way to it
//	shutdown      the server, or the service, was closed
//	disconnected  Server.Disconnect
//	error         anything else; one more field, error, says what
package server
