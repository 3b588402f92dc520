package server

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// A Reason is why a connection or a datagram was refused.
type Reason uint8

const (
	notRefused Reason = iota

	// Of connections.
	RefusedSourceLimit    // more than Limits.PerSource
	RefusedConnectionRate // more than Limits.RatePerSource
	RefusedAccess         // not admitted by Access.Allow

	// Of datagrams.
	RefusedLoopPort     // from a port that might answer the answer, see Server.ServePacket
	RefusedRepeat       // the same again and again, see Server.ServePacket
	RefusedBroadcast    // from or to a broadcast, multicast or unspecified address
	RefusedSourceRate   // more than DatagramLimits.PerSource
	RefusedDatagramRate // more than DatagramLimits.Total
	RefusedOversize     // larger than any of UDP, and so cut
	RefusedUnsent       // the system, or a client of a Unix socket, did not take the answer in time
	reasons             // how many there are
	firstDatagramReason = RefusedLoopPort
)

// String returns the word for the reason in the log, the status and the metrics. The words of two
// reasons differ if both are of connections, or both of datagrams.
func (r Reason) String() string {
	return [reasons]string{
		RefusedSourceLimit:    "source-limit",
		RefusedConnectionRate: "rate",
		RefusedAccess:         "access",
		RefusedLoopPort:       "loop-port",
		RefusedRepeat:         "repeat",
		RefusedBroadcast:      "broadcast",
		RefusedSourceRate:     "source-rate",
		RefusedDatagramRate:   "rate",
		RefusedOversize:       "oversize",
		RefusedUnsent:         "unsent",
	}[r]
}

// Refusals counts what was refused, by Reason.
type Refusals [reasons]uint64

// Connections yields each reason to refuse a connection, by its word, with its count.
func (r Refusals) Connections() iter.Seq2[string, uint64] {
	return r.between(notRefused+1, firstDatagramReason)
}

// Datagrams yields each reason to refuse a datagram, by its word, with its count.
func (r Refusals) Datagrams() iter.Seq2[string, uint64] {
	return r.between(firstDatagramReason, reasons)
}

func (r Refusals) between(first, end Reason) iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for why := first; why < end; why++ {
			if !yield(why.String(), r[why]) {
				return
			}
		}
	}
}

// Total returns the sum over all reasons.
func (r Refusals) Total() uint64 {
	var sum uint64
	for _, n := range r {
		sum += n
	}
	return sum
}

// A refusalLog counts what is refused, and keeps it from filling the log: a line a second for each
// reason is the most.
type refusalLog struct {
	counts [reasons]atomic.Uint64

	mu        sync.Mutex
	throttles [reasons]throttle
}

// note counts a refusal. It reports whether there is to be a line about it in the log, and for how
// many before there was none.
func (l *refusalLog) note(why Reason) (heldBack uint64, ok bool) {
	l.counts[why].Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.throttles[why].allow(time.Now(), warningGap)
}

// addTo adds the counts to the ones of connections and of datagrams.
func (l *refusalLog) addTo(connections, datagrams *Refusals) {
	for why := range reasons {
		to := connections
		if why >= firstDatagramReason {
			to = datagrams
		}
		to[why] += l.counts[why].Load()
	}
}
