package server

import (
	"net/netip"
	"time"
)

// admit makes a client of a session that has begun and has been given a connection by acquire, and
// says so in the log. If it reports false, the connection must be closed, and is released.
func (v *Service) admit(c client, n *session) bool {
	why := v.judge(n.remote.ip.Addr(), n.opened)
	admitted := false
	if why == notRefused {
		admitted, why = v.server.registry.add(c, n)
	}
	if !admitted {
		if why != notRefused {
			v.refuseConnection(n, why)
		}
		v.release()
		return false
	}
	v.totals.accepted.Add(1)
	n.logOpened()
	return true
}

// judge decides whether a client from the address from, which comes at the time now, may be served.
// The address is not valid if the client has none.
func (v *Service) judge(from netip.Addr, now time.Duration) Reason {
	terms := v.terms.Load()
	switch {
	case !from.IsValid():
		return notRefused
	case terms.Access.Allow != nil && !terms.Access.Allow(from):
		return RefusedAccess
	case !terms.rate.allow(from, now):
		return RefusedConnectionRate
	}
	return notRefused
}

// dismiss ends a session after its connection was closed. undelivered is how many of the bytes that
// were sent did not reach the client.
func (v *Service) dismiss(n *session, why endReason, err error, undelivered int) {
	n.logClosed(why, err, undelivered, v.server.now())
	v.server.registry.remove(n)
	v.release()
}
