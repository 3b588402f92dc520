package main

import (
	"cmp"
	"slices"

	"echod/server/control"
)

// A look is what a server was doing between two moments: rates are since the look before, or, at
// the first one, those that the server tells.
type look struct {
	status   *control.Status
	accepted float64 // clients a second
	refused  float64 // clients a second
	received float64 // bytes a second
	sent     float64 // bytes a second
	busiest  []busyClient

	before  *look
	seconds float64           // since before
	moved   map[uint64]uint64 // bytes, by the id of the client
}

// maxBusiest is more than any screen has lines for.
const maxBusiest = 200

// A busyClient is a client and the bytes a second that it sent and got.
type busyClient struct {
	control.Connection
	rate float64
}

func newLook(s *control.Status, before *look) *look {
	l := &look{status: s, before: before, moved: make(map[uint64]uint64)}
	if before != nil && before.status.StartedAt.Equal(s.StartedAt) {
		l.seconds = s.UptimeSeconds - before.status.UptimeSeconds
	}
	if l.seconds <= 0 { // the first look, or another server
		l.before = nil
		l.accepted, l.received, l.sent = s.Rates.ConnectionsPerSecond, s.Rates.BytesReceivedPerSecond, s.Rates.BytesSentPerSecond
		return l
	}
	then := before.status
	l.accepted = l.rate(s.Connections.Accepted, then.Connections.Accepted)
	l.refused = l.rate(s.Connections.Refused, then.Connections.Refused)
	l.received = l.rate(s.Bytes.Received, then.Bytes.Received)
	l.sent = l.rate(s.Bytes.Sent, then.Bytes.Sent)
	before.before = nil // looks do not form a chain
	return l
}

func (l *look) rate(now, then uint64) float64 { return float64(now-min(now, then)) / l.seconds }

func (l *look) add(c control.Connection) {
	moved := c.BytesReceived + c.BytesSent
	l.moved[c.ID] = moved
	client := busyClient{Connection: c}
	switch {
	case l.before != nil:
		client.rate = l.rate(moved, l.before.moved[c.ID])
	case c.AgeSeconds > 0:
		client.rate = float64(moved) / c.AgeSeconds
	}
	l.busiest = append(l.busiest, client)
	if len(l.busiest) == 2*maxBusiest {
		l.rank()
	}
}

// rank puts the busiest first, and forgets the others.
func (l *look) rank() {
	slices.SortFunc(l.busiest, func(a, b busyClient) int {
		return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(a.ID, b.ID))
	})
	kept := min(len(l.busiest), maxBusiest)
	clear(l.busiest[kept:])
	l.busiest = l.busiest[:kept]
}
