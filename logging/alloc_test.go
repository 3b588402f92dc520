//go:build !race

package logging

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// The typical record, with as many attributes as a slog.Record has room for,
// is written without an allocation. (The race detector empties sync.Pools.)
func TestHandlerAllocates(t *testing.T) {
	for _, format := range []Format{Text, JSON} {
		f := openTest(t, logPath(t), Options{Format: format})
		l := slog.New(LimitRate(f.Handler(), RateLimit{}))
		remote, ctx := "127.0.0.1:54321", context.Background()
		allocs := testing.AllocsPerRun(5000, func() {
			l.LogAttrs(ctx, slog.LevelInfo, "connection closed", slog.Uint64("id", 123456), slog.String("remote", remote),
				slog.Int64("bytes", 1<<40), slog.Duration("duration", 1234567*time.Nanosecond), slog.String("reason", "eof"))
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations a record", format, allocs)
		}
	}
}
