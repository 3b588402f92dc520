package server

import (
	"sync/atomic"
	"time"
)

// A progress is what others can see of a goroutine that serves many clients, which all wait if it
// is stuck. Only the goroutine writes to it.
type progress struct {
	// since is when the present piece of work began, a time.Duration. It is 0 while there is
	// nothing to do, and in the end: a goroutine that has ended is not stuck.
	since atomic.Int64
}

// working notes that a piece of work begins at the time now, which is another one for each.
func (p *progress) working(now time.Duration) { p.since.Store(max(1, int64(now))) }

// waiting notes that the goroutine waits for the kernel, or ends.
func (p *progress) waiting() { p.since.Store(0) }
