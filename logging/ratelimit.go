package logging

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxMessages bounds how many different messages are counted at a time. A
// program has few, but what is made from them by formatting is without end;
// further ones are counted together.
const (
	maxMessages   = 100
	otherMessages = "other messages"
)

// RateLimit says how many lines of one message are let through.
// The zero value is ready for use.
type RateLimit struct {
	// Lines is the number of lines per Interval and message. Zero means 10.
	Lines int

	// Interval begins with the first line of a message. Zero means 10 s.
	Interval time.Duration

	// Level is the lowest level that is limited. Nil means slog.LevelWarn, so
	// that activity is complete in the log.
	Level slog.Leveler
}

// RateLimiter is a handler that lets a number of lines of each message pass in
// an interval of time. If there were more, one more line says at the end of
// the interval how many were left out:
//
//	level=WARN msg="connection refused" suppressed=412
//
// Handlers that WithAttrs and WithGroup return count together.
type RateLimiter struct {
	slog.Handler
	counts *counts
}

// LimitRate returns a handler that passes on to h as many lines as r allows.
func LimitRate(h slog.Handler, r RateLimit) *RateLimiter {
	if r.Lines <= 0 {
		r.Lines = 10
	}
	if r.Interval <= 0 {
		r.Interval = 10 * time.Second
	}
	if r.Level == nil {
		r.Level = slog.LevelWarn
	}
	return &RateLimiter{h, &counts{RateLimit: r, out: h, messages: make(map[string]*count)}}
}

// Handle passes the record on, or counts it.
func (l *RateLimiter) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= l.counts.Level.Level() && !l.counts.allow(&r) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs returns a limiter of the same counts.
func (l *RateLimiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &RateLimiter{l.Handler.WithAttrs(attrs), l.counts}
}

// WithGroup returns a limiter of the same counts.
func (l *RateLimiter) WithGroup(name string) slog.Handler {
	return &RateLimiter{l.Handler.WithGroup(name), l.counts}
}

// Flush says at once how many lines were left out in the intervals that have
// not ended, for use before the log is closed.
func (l *RateLimiter) Flush() { l.counts.flush() }

// counts are the intervals that have not ended.
type counts struct {
	RateLimit
	out slog.Handler

	mu       sync.Mutex
	messages map[string]*count
}

// count is an interval of one message.
type count struct {
	level      slog.Level // the highest one
	passed     int
	suppressed uint64
	end        *time.Timer
}

// allow reports whether a record may pass, and counts it.
func (c *counts) allow(r *slog.Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	message := r.Message
	n := c.messages[message]
	if n == nil && len(c.messages) >= maxMessages {
		message = otherMessages
		n = c.messages[message]
	}
	if n == nil {
		n = &count{}
		n.end = time.AfterFunc(c.Interval, func() { c.finish(message) })
		c.messages[message] = n
	}
	n.level = max(n.level, r.Level)
	if n.passed < c.Lines {
		n.passed++
		return true
	}
	n.suppressed++
	return false
}

// finish ends the interval of a message.
func (c *counts) finish(message string) {
	c.mu.Lock()
	n := c.messages[message]
	delete(c.messages, message)
	c.mu.Unlock()
	if n == nil {
		return // the timer and flush met
	}
	n.end.Stop()
	if n.suppressed == 0 {
		return
	}
	r := slog.NewRecord(time.Now(), n.level, message, 0)
	r.AddAttrs(slog.Uint64("suppressed", n.suppressed))
	_ = c.out.Handle(context.Background(), r) // there is nobody to tell
}

func (c *counts) flush() {
	c.mu.Lock()
	messages := slices.Sorted(maps.Keys(c.messages))
	c.mu.Unlock()
	for _, m := range messages {
		c.finish(m)
	}
}
