package main

import (
	"testing"
	"time"

	"echod/server/control"
)

func statusAt(uptime float64, accepted, received, sent uint64) *control.Status {
	return &control.Status{
		StartedAt: time.Unix(1, 0), UptimeSeconds: uptime,
		Connections: control.ConnectionCounts{Active: 2, Accepted: accepted},
		Bytes:       control.ByteCounts{Received: received, Sent: sent},
		Rates:       control.Rates{ConnectionsPerSecond: 99},
	}
}

func moved(id, moved uint64) control.Connection {
	return control.Connection{ID: id, BytesReceived: moved, AgeSeconds: 100}
}

// TestLook: the first one has what the server tells, the next ones what happened in between.
func TestLook(t *testing.T) {
	first := newLook(statusAt(10, 50, 1000, 900), nil)
	first.add(moved(1, 500))
	first.add(moved(2, 1000))
	first.rank()
	if first.accepted != 99 || first.busiest[0].ID != 2 || first.busiest[0].rate != 10 {
		t.Errorf("first look: %v accepted, busiest %+v", first.accepted, first.busiest[0])
	}
	second := newLook(statusAt(12, 54, 3000, 1900), first)
	second.add(moved(1, 600))
	second.add(moved(2, 1010))
	second.add(moved(3, 40))
	second.rank()
	if second.accepted != 2 || second.received != 1000 || second.sent != 500 {
		t.Errorf("second look: %v accepted, %v received, %v sent", second.accepted, second.received, second.sent)
	}
	for i, want := range []busyClient{{moved(1, 0), 50}, {moved(3, 0), 20}, {moved(2, 0), 5}} {
		if got := second.busiest[i]; got.ID != want.ID || got.rate != want.rate {
			t.Errorf("place %d: client %d with %v, want client %d with %v", i, got.ID, got.rate, want.ID, want.rate)
		}
	}
}

// TestLookAtAnotherServer that has taken the place of the first: there is nothing to compare with.
func TestLookAtAnotherServer(t *testing.T) {
	first := newLook(statusAt(10, 50, 1000, 900), nil)
	another := statusAt(11, 1, 10, 10)
	another.StartedAt = time.Unix(2, 0)
	if l := newLook(another, first); l.accepted != 99 || l.before != nil {
		t.Errorf("got %v accepted a second", l.accepted)
	}
}

// TestLookBelievesNoNumber: what a server says of itself decides nothing about memory.
func TestLookBelievesNoNumber(t *testing.T) {
	status := statusAt(10, 50, 1000, 900)
	status.Connections.Active = 1 << 22
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			newLook(status, nil)
		}
	})
	if got := result.AllocedBytesPerOp(); got > 1<<20 {
		t.Errorf("a look at a server that claims to have %d clients takes %d bytes", status.Connections.Active, got)
	}
}

// TestLookForgets all but the busiest, while they come in.
func TestLookForgets(t *testing.T) {
	l := newLook(statusAt(10, 50, 1000, 900), nil)
	for id := uint64(1); id <= 100*maxBusiest; id++ {
		l.add(moved(id, id))
	}
	if n := cap(l.busiest); n > 4*maxBusiest {
		t.Errorf("%d clients are remembered", n)
	}
	l.rank()
	if len(l.busiest) != maxBusiest || l.busiest[0].ID != 100*maxBusiest || l.busiest[maxBusiest-1].ID != 99*maxBusiest+1 {
		t.Errorf("%d clients, the first %d, the last %d", len(l.busiest), l.busiest[0].ID, l.busiest[len(l.busiest)-1].ID)
	}
}
