package server

import (
	"net/netip"
	"time"
)

// Terms are what the clients of a [Service] get it on. The zero value has no limits.
type Terms struct {
	Access Access
	Limits Limits

	// IdleTimeout is how long a client may neither send anything nor take anything of what it is
	// sent. After that it is closed, or reset if it has not got everything. 0 means for ever.
	IdleTimeout time.Duration
}

// Access says which clients may be served.
type Access struct {
	// Allow tells whether a client from the address a may be served. One that may not is reset.
	// nil admits every client. Clients without an IP address, and senders of datagrams, are not
	// asked about.
	Allow func(a netip.Addr) bool
}

// Limits bounds what the clients of a service may take up.
type Limits struct {
	// Connections is how many clients of the service there may be at once. When there are so many,
	// no more are accepted, as with Server.MaxConnections, which holds besides. 0 means no limit.
	Connections int

	// PerSource is how many clients one source may have at once. Clients above it are reset. 0
	// means no limit.
	//
	// A source is an IPv4 address, or the /64 network of an IPv6 address, with these exceptions: a
	// link-local address counts with its zone, for neighbours share a network; one of NAT64
	// (64:ff9b::/96), 6to4 or Teredo by the IPv4 address in it; one of 64:ff9b:1::/48 by itself.
	PerSource int

	// RatePerSource is how many clients a second may come from one source; as many as belong to a
	// second may come at once. Clients above it are reset. 0 means no limit.
	//
	// 16384 sources are known at a time. One that is not is let in, whatever others have done.
	RatePerSource float64

	// Datagrams bounds what is answered over all packet sockets of the service.
	Datagrams DatagramLimits
}

// activeTerms are Terms with the rates that they set, and what has been used of these. It is never
// changed, but replaced; what has been used goes on from one to the next.
type activeTerms struct {
	Terms
	rate   *rateLimiter    // of connections from one source; nil for no limit
	budget *datagramBudget // nil for no limit
}

// next returns t in the place of old, for v, at the time now.
func (old *activeTerms) next(v *Service, t Terms, now time.Duration) *activeTerms {
	return &activeTerms{
		Terms:  t,
		rate:   old.rate.changed(t.Limits.RatePerSource, now),
		budget: old.budget.changed(v.datagramLimits(t), now),
	}
}
