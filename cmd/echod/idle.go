package main

import (
	"time"

	"echod/server"
)

// An idleWatch finds out when there has been nothing to do for a while. It looks at the
// server's counters ten times in that while, so what it finds is at most a tenth late. A nil
// idleWatch never finds anything.
//
// With sockets that a service manager or inetd keeps open, no client is lost to the end that
// follows: one that was accepted is served to its end first, and one that was not is left in the
// queue of the socket, for the next process. What remains is a matter of time: a client that was
// accepted after the decision, in the moment before accepting stopped, is served as long as it
// stays, and those behind it wait for the next process until it has left.
type idleWatch struct {
	after time.Duration
	first bool // wait for the first client, however long that takes

	ticker *time.Ticker
	since  time.Time    // when the counters last changed
	last   server.Stats // the counters then
}

// idleLooks is how many times an idleWatch looks in the time it waits for.
const idleLooks = 10

func newIdleWatch(after time.Duration, first bool) *idleWatch {
	if after <= 0 {
		return nil
	}
	every := max(after/idleLooks, time.Millisecond)
	return &idleWatch{after: after, first: first, ticker: time.NewTicker(every), since: time.Now()}
}

func (w *idleWatch) tickC() <-chan time.Time {
	if w == nil {
		return nil
	}
	return w.ticker.C
}

func (w *idleWatch) stop() {
	if w != nil {
		w.ticker.Stop()
	}
}

// over reports whether it is time to end.
func (w *idleWatch) over(now time.Time, stats server.Stats) bool {
	if stats != w.last || stats.Active > 0 {
		w.last, w.since = stats, now
		return false
	}
	if w.first && stats == (server.Stats{}) {
		return false
	}
	return now.Sub(w.since) >= w.after
}
