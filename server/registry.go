package server

import (
	"context"
	"iter"
	"sync"
)

// Sessions returns the clients being served, in no particular order, each as it is when it is reached.
// A client that stays for the whole of the iteration is seen once; one that comes or goes
// meanwhile may be missing. Serving is not held up, however slowly the caller goes on.
func (s *Server) Sessions() iter.Seq[SessionInfo] {
	return s.registry.all
}

// Disconnect ends the session with the given id, with the reason "disconnected" in the log: what has been read from
// the client is still sent, for one second at most; then a client that has not got everything is reset. It
// reports whether there was such a session that was not ending already, and does not wait for it to end.
func (s *Server) Disconnect(id uint64) bool {
	return s.registry.disconnect(id)
}

// A registry knows the clients being served. The zero value is an empty one.
type registry struct {
	mu      sync.Mutex
	clients map[uint64]client
	lastID  uint64
	closing bool          // endAll was called: no client may come in after it
	emptyC  chan struct{} // closed when the last client leaves; nil while nobody waits for that
}

// add gives c's session an id and makes it known, unless all sessions have been ended.
func (r *registry) add(c client, s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	if r.clients == nil {
		r.clients = make(map[uint64]client)
	}
	r.lastID++
	s.id = r.lastID
	r.clients[s.id] = c
	return true
}

// remove forgets the session with the given id.
func (r *registry) remove(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, id)
	if len(r.clients) == 0 && r.emptyC != nil {
		close(r.emptyC)
		r.emptyC = nil
	}
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.clients)
}

// all yields every session. The lock is held between two steps of the range over the
// map, not while the caller has the value: Go lets a map change during a range over it.
func (r *registry) all(yield func(SessionInfo) bool) {
	r.mu.Lock()
	for _, c := range r.clients {
		info := c.info()
		r.mu.Unlock()
		if !yield(info) {
			return
		}
		r.mu.Lock()
	}
	r.mu.Unlock()
}

func (r *registry) disconnect(id uint64) bool {
	r.mu.Lock()
	c, ok := r.clients[id]
	r.mu.Unlock()
	return ok && c.end(reasonDisconnected)
}

// endAll ends every session there is and keeps new ones from beginning.
func (r *registry) endAll(why reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	for _, c := range r.clients {
		c.end(why)
	}
}

// waitEmpty returns nil as soon as there is no session, or the error of ctx when that ends first.
func (r *registry) waitEmpty(ctx context.Context) error {
	r.mu.Lock()
	if len(r.clients) == 0 {
		r.mu.Unlock()
		return nil
	}
	if r.emptyC == nil {
		r.emptyC = make(chan struct{})
	}
	emptyC := r.emptyC
	r.mu.Unlock()
	select {
	case <-emptyC:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
