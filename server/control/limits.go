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
	c := &crowd{members: make(map[net.Conn]membership)}
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

// A crowd is the connections of an HTTP server. When there are too many, the one that has been without
// a request for longest is closed, so that idle ones, however many, keep nobody out.
type crowd struct {
	mu      sync.Mutex
	members map[net.Conn]membership
}

type membership struct {
	waiting bool // for a request
	since   time.Time
}

// track is for [http.Server.ConnState].
func (c *crowd) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, member := c.members[conn]
	switch {
	case state == http.StateNew:
		c.members[conn] = membership{waiting: true, since: time.Now()}
		if len(c.members) > maxConnections {
			c.closeLongestWaiting()
		}
	case state == http.StateClosed, state == http.StateHijacked:
		delete(c.members, conn)
	case member: // one that was closed for being too many may still change its state
		c.members[conn] = membership{waiting: state == http.StateIdle, since: time.Now()}
	}
}

// closeLongestWaiting finds at least the newest, which has not sent anything yet.
func (c *crowd) closeLongestWaiting() {
	var longest net.Conn
	for conn, m := range c.members {
		if m.waiting && (longest == nil || m.since.Before(c.members[longest].since)) {
			longest = conn
		}
	}
	delete(c.members, longest)
	longest.Close()
}
