package logging

import (
	"context"
	"log/slog"
	"time"
)

// output is what the kinds of log have in common: a handler and a queue.
type output struct {
	queue   *queue
	handler slog.Handler
}

// newOutput returns an output that ends in s. Lines may begin with a priority.
func newOutput(s sink, interval time.Duration, o Options, withPriority bool) output {
	q := newQueue(o.BufferSize, interval, s, o.droppedLine(withPriority))
	return output{queue: q, handler: o.handler(withPriority, q.put)}
}

// Handler returns the handler that writes to this log. It never blocks. After
// Close it drops what it is given.
func (o *output) Handler() slog.Handler { return o.handler }

// Dropped returns the number of lines that were dropped so far because the
// buffer was full, writing had failed for good, or the log was closed.
func (o *output) Dropped() uint64 { return o.queue.Dropped() }

// droppedLine returns a function that makes the line about dropped lines. It
// is not filtered by level: it stands for lines that were let through.
func (o Options) droppedLine(withPriority bool) func(dropped uint64) []byte {
	return func(dropped uint64) (line []byte) {
		h := o.handler(withPriority, func(p []byte) error {
			line = append(line, p...)
			return nil
		})
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines dropped", 0)
		r.AddAttrs(slog.Uint64("count", dropped))
		_ = h.Handle(context.Background(), r) // fails only if its put does
		return line
	}
}
