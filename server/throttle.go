package server

import "time"

// A throttle keeps an event that may come in masses from filling the log: it lets one through
// at a time and counts the others. The zero value lets the first one through.
type throttle struct {
	last     time.Time
	heldBack uint64
}

// allow reports whether an event at the time now may be logged, at least gap having passed since
// the last one that was, and if so how many were held back in between.
func (t *throttle) allow(now time.Time, gap time.Duration) (heldBack uint64, ok bool) {
	if !t.last.IsZero() && now.Sub(t.last) < gap {
		t.heldBack++
		return 0, false
	}
	heldBack, t.heldBack, t.last = t.heldBack, 0, now
	return heldBack, true
}
