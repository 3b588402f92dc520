package server

import (
	"cmp"
	"math"
	"os"
	"slices"
	"time"
)

// never is later than all times.
const never = time.Duration(math.MaxInt64)

// A loopService is what a loop knows of one service. It belongs to the loop; others may read what
// does not change.
type loopService struct {
	loop    *loop
	service *Service

	timeout        time.Duration // the idle timeout; 0 for none
	idle           ageList       // clients by last activity, if there is a timeout
	moved          bool          // it is in loop.unpublished
	received, sent uint64        // bytes not yet in the totals of the service
}

// of returns what the loop knows of v.
func (l *loop) of(v *Service) *loopService {
	g := l.services[v]
	if g == nil {
		g = &loopService{loop: l, service: v, timeout: v.terms.Load().IdleTimeout}
		l.services[v] = g
	}
	return g
}

// changed notes that there are bytes to publish.
func (g *loopService) changed() {
	if !g.moved {
		g.moved = true
		g.loop.unpublished = append(g.loop.unpublished, g)
	}
}

// enlist puts a client into the list by last activity, in which it is the youngest.
func (g *loopService) enlist(c *epollClient) {
	g.idle.add(c)
	g.loop.idleAt = min(g.loop.idleAt, c.lastActivity()+g.timeout)
}

// setTimeout sets another idle timeout, and makes the list anew. Clients that are polled are asked
// by the timeout of that moment.
func (g *loopService) setTimeout(timeout time.Duration) {
	g.timeout = timeout
	var clients []*epollClient
	for c := range g.loop.clients.all {
		if c.at.Load() == g && !c.polled {
			g.idle.remove(c)
			clients = append(clients, c)
		}
	}
	if timeout <= 0 {
		return
	}
	slices.SortFunc(clients, func(a, b *epollClient) int { return cmp.Compare(a.lastActivity(), b.lastActivity()) })
	for _, c := range clients {
		g.enlist(c)
	}
}

// expireIdle ends the sessions that have been idle for too long.
func (l *loop) expireIdle() {
	l.idleAt = never
	for _, g := range l.services {
		for c := g.idle.oldest; c != nil; c = g.idle.oldest {
			if due := c.lastActivity() + g.timeout; due > l.now {
				l.idleAt = min(l.idleAt, due)
				break
			}
			if unsentBytes(c.fd) > 0 {
				l.poll(c, l.now+g.pollInterval()) // it may take what the kernel has for it
			} else {
				l.finish(c, os.ErrDeadlineExceeded)
			}
		}
	}
}
