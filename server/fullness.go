package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// limitOverAfter is for how long there must be room for the log to say that the limit is not
// reached any more.
const limitOverAfter = 100 * time.Millisecond

// fullness is whether the limit of connections is reached: there was no room for the next client,
// be there one or not. A line in the log says when it begins, and one when it is over. What comes
// and goes in less than warningGap is one time, so that lines are few and the last one is true.
type fullness struct {
	log *slog.Logger // nil for none

	mu     sync.Mutex
	full   bool        // there is no room
	told   bool        // the log says so
	since  time.Time   // when it was told
	times  uint64      // how often it was
	ends   *time.Timer // is to tell the end; nil if there is none to tell
	ending uint64      // counts the timers: one that is stopped too late is told by its number
	quiet  bool        // the server is closed
}

// reached notes that there is no room for another client.
func (f *fullness) reached(limit int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = true
	if f.ends != nil {
		f.ends.Stop()
		f.ends = nil
	}
	if f.told {
		return
	}
	f.told, f.since = true, time.Now()
	f.times++
	f.write(slog.LevelWarn, "connection limit reached", slog.Int("limit", limit))
}

// over notes that there is room again, and no client for it.
func (f *fullness) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.full {
		return
	}
	f.full = false
	if f.quiet {
		return
	}
	wait := max(limitOverAfter, warningGap-time.Since(f.since))
	f.ending++
	number := f.ending
	f.ends = time.AfterFunc(wait, func() { f.end(number) })
}

// end tells the end, unless the timer that calls it, which has this number, was stopped too late.
func (f *fullness) end(number uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ends == nil || f.ending != number {
		return
	}
	f.ends, f.told = nil, false
	f.write(slog.LevelInfo, "connection limit no longer reached",
		slog.Duration("duration", time.Since(f.since).Round(time.Millisecond)))
}

// close keeps what has not been told from being told later.
func (f *fullness) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.quiet = true
	if f.ends != nil {
		f.ends.Stop()
		f.ends = nil
	}
}

// state returns whether the limit is reached, and how many times it was.
func (f *fullness) state() (full bool, times uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full, f.times
}

func (f *fullness) write(level slog.Level, msg string, attr slog.Attr) {
	if f.log != nil {
		f.log.LogAttrs(context.Background(), level, msg, attr)
	}
}
