package control

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// What a caller may cost. None of these is near what an honest one needs.
const (
	headerTimeout  = 5 * time.Second  // to send the head of a request, from the connection on
	readTimeout    = 10 * time.Second // to send all of it
	writeTimeout   = 15 * time.Second // to take an answer, or a part of a list; reopening the log may use 5 s of it
	idleTimeout    = time.Minute      // between two requests
	maxHeaderBytes = 8 << 10          // to which net/http adds 4 KiB
	maxBodyBytes   = 4 << 10
	maxConnections = 64
)

// newHTTPServer returns a server with the limits.
func newHTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	c := &crowd{since: make(map[net.Conn]time.Time)}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		ConnState:         c.track,
		ConnContext:       contextWithPeer,
	}
}

// A crowd is the connections of an HTTP server. When there are too many, the one that has been in
// its state for longest is closed: without a request, or in the middle of one. A probe, which is
// over in a moment, is answered beside any number of slow requests, unless as many connections as
// are allowed come in that moment.
type crowd struct {
	mu    sync.Mutex
	since map[net.Conn]time.Time // since when each has been in its state
}

// track is for [http.Server.ConnState].
func (c *crowd) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, member := c.since[conn]
	switch {
	case state == http.StateNew:
		if len(c.since) >= maxConnections {
			c.closeSlowest()
		}
		c.since[conn] = time.Now()
	case state == http.StateClosed, state == http.StateHijacked:
		delete(c.since, conn)
	case member: // one that was closed for being too many may still change its state
		c.since[conn] = time.Now()
	}
}

// closeSlowest closes one of the connections, of which there is one at least.
func (c *crowd) closeSlowest() {
	var slowest net.Conn
	for conn, since := range c.since {
		if slowest == nil || since.Before(c.since[slowest]) {
			slowest = conn
		}
	}
	delete(c.since, slowest)
	slowest.Close()
}
