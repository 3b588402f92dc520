package control

import (
	"context"
	"fmt"
	"net"
	"net/http"
)

// A peer is the process at the other end of a Unix socket, as it was when it connected.
type peer struct {
	uid, pid int  // pid is 0 where it cannot be seen, as from within another pid namespace
	welcome  bool // whether it may call
}

// A knownConn is a connection whose peer the system has told.
type knownConn struct {
	net.Conn
	peer peer
}

type peerKey struct{}

// contextWithPeer is for [http.Server.ConnContext].
func contextWithPeer(ctx context.Context, c net.Conn) context.Context {
	if known, ok := c.(*knownConn); ok {
		return context.WithValue(ctx, peerKey{}, known.peer)
	}
	return ctx
}

func peerOf(r *http.Request) (peer, bool) {
	p, ok := r.Context().Value(peerKey{}).(peer)
	return p, ok
}

// welcome lets clients through that the listener knows to be welcome, and those that it can know
// nothing.
func (s *Server) welcome(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, known := peerOf(r)
		if known && !p.welcome {
			s.logger().Warn("control request refused", "method", r.Method, "path", r.URL.Path, "peer_uid", p.uid, "peer_pid", p.pid)
			writeProblem(w, http.StatusForbidden, fmt.Sprintf("user %d may not use this control socket", p.uid))
			return
		}
		h.ServeHTTP(w, r)
	})
}
