package server

import (
	"context"
	"iter"
	"net/netip"
	"sync"
)

// Sessions returns the clients being served, in no particular order, each as it is when it is
// reached. A client that stays for the whole of the iteration is seen once; one that comes or goes
// meanwhile may be missing. Serving is not held up, however slowly the caller goes on.
func (s *Server) Sessions() iter.Seq[SessionInfo] {
	return s.registry.all
}

// Disconnect ends the session with the given id, with the reason "disconnected" in the log: what
// has been read from the client is still sent, for one second at most; then a client that has not
// got everything is reset. It reports whether there was such a session that was not ending already,
// and does not wait for it to end.
func (s *Server) Disconnect(id uint64) bool {
	return s.registry.disconnect(id)
}

// A registry knows the clients being served. The zero value is an empty one.
type registry struct {
	mu      sync.Mutex
	clients map[uint64]client
	lastID  uint64
	closing bool // endAll was called: no client may come in after it
	population
}

// members is what a registry knows of the clients of one service.
type members struct {
	population
	bySource map[netip.Addr]int // how many there are; nil without Limits.PerSource
	closing  bool               // endAll was called: no client may come in after it
}

// A population counts clients.
type population struct {
	size   int
	emptyC chan struct{} // closed when the last client leaves; nil while nothing waits for that
}

func (p *population) leave() {
	if p.size--; p.size == 0 && p.emptyC != nil {
		close(p.emptyC)
		p.emptyC = nil
	}
}

// add gives c's session an id and makes it known, unless the sessions of its service have been
// ended, or its source has as many as it may have. Only then there is a reason.
func (r *registry) add(c client, s *session) (added bool, why Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &s.service.members
	if r.closing || m.closing {
		return false, notRefused
	}
	if from := s.remote.ip.Addr(); !r.addSource(s.service, from) {
		return false, RefusedSourceLimit
	}
	if r.clients == nil {
		r.clients = make(map[uint64]client)
	}
	r.lastID++
	s.id = r.lastID
	r.clients[s.id] = c
	r.size++
	m.size++
	return true, notRefused
}

// addSource counts one more client of v from the address from, which is not valid if it has none.
// It reports false if there are as many as there may be. Sources are counted only while there is a
// limit, so the clients that are there are counted when there is a new one. r.mu is held.
func (r *registry) addSource(v *Service, from netip.Addr) bool {
	limit, m := v.terms.Load().Limits.PerSource, &v.members
	switch {
	case limit <= 0:
		m.bySource = nil
		return true
	case m.bySource == nil:
		m.bySource = make(map[netip.Addr]int)
		for c := range r.clientsOf(v) {
			if from := c.base().remote.ip.Addr(); from.IsValid() {
				m.bySource[sourceOf(from)]++
			}
		}
	}
	if !from.IsValid() {
		return true
	}
	source := sourceOf(from)
	if m.bySource[source] >= limit {
		return false
	}
	m.bySource[source]++
	return true
}

// clientsOf yields the clients of v, or all if v is nil. r.mu is held.
func (r *registry) clientsOf(v *Service) iter.Seq[client] {
	return func(yield func(client) bool) {
		for _, c := range r.clients {
			if (v == nil || c.base().service == v) && !yield(c) {
				return
			}
		}
	}
}

// remove forgets a session.
func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, s.id)
	r.leave()
	m := &s.service.members
	m.leave()
	if from := s.remote.ip.Addr(); m.bySource != nil && from.IsValid() {
		source := sourceOf(from)
		if m.bySource[source]--; m.bySource[source] <= 0 {
			delete(m.bySource, source)
		}
	}
}

// count returns how many clients p counts, that of the registry or of one of its services.
func (r *registry) count(p *population) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.size
}

// all yields every session. The lock is held between two steps of the range over the
// map, not while the caller has the value: Go lets a map change during a range over it.
func (r *registry) all(yield func(SessionInfo) bool) {
	r.mu.Lock()
	for _, c := range r.clients {
		info := c.base().info()
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

// endAll ends every session of v, of the server if v is nil, and keeps new ones from beginning.
func (r *registry) endAll(v *Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v == nil {
		r.closing = true
	} else {
		v.members.closing = true
	}
	for c := range r.clientsOf(v) {
		c.end(reasonShutdown)
	}
}

// waitEmpty returns nil as soon as p is empty, or the error of ctx when that ends first. p is the
// population of the registry, or of one of its services.
func (r *registry) waitEmpty(ctx context.Context, p *population) error {
	r.mu.Lock()
	if p.size == 0 {
		r.mu.Unlock()
		return nil
	}
	if p.emptyC == nil {
		p.emptyC = make(chan struct{})
	}
	emptyC := p.emptyC
	r.mu.Unlock()
	select {
	case <-emptyC:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
