package logging

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// logConnection logs what every connection does: a line at each end.
func logConnection(l *slog.Logger, id uint64, local, remote string) {
	ctx := context.Background()
	l.LogAttrs(ctx, slog.LevelInfo, "connection opened", slog.Uint64("id", id), slog.String("network", "tcp"),
		slog.String("local", local), slog.String("remote", remote))
	l.LogAttrs(ctx, slog.LevelInfo, "connection closed", slog.Uint64("id", id), slog.String("network", "tcp"),
		slog.String("local", local), slog.String("remote", remote), slog.Uint64("bytes", 64),
		slog.Duration("duration", 123456*time.Nanosecond), slog.String("reason", "eof"))
}

// BenchmarkConnection measures both lines of a connection: formatted by slog's
// own handlers and by ours, both for nobody, and by ours on the way to a file.
// Lines that the file system did not keep up with are in dropped/op.
func BenchmarkConnection(b *testing.B) {
	for _, format := range []Format{Text, JSON} {
		b.Run(format.String()+"/slog", func(b *testing.B) {
			benchmarkHandler(b, slogHandler(format, discard{}))
		})
		b.Run(format.String()+"/ours", func(b *testing.B) {
			benchmarkHandler(b, Options{Format: format}.handler(false, func([]byte) error { return nil }))
		})
		b.Run(format.String()+"/file", func(b *testing.B) {
			f := openTest(b, logPath(b), Options{Format: format})
			benchmarkHandler(b, f.Handler())
			b.ReportMetric(float64(f.Dropped())/float64(b.N), "dropped/op")
		})
	}
}

// discard is not io.Discard, which slog's handlers know.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func benchmarkHandler(b *testing.B, h slog.Handler) {
	b.ReportAllocs()
	l := slog.New(h)
	for i := uint64(0); b.Loop(); i++ {
		logConnection(l, i, "127.0.0.1:7007", "127.0.0.1:54321")
	}
}

// BenchmarkRateLimit is what a flood of refused connections costs.
func BenchmarkRateLimit(b *testing.B) {
	b.ReportAllocs()
	l := slog.New(LimitRate(slogHandler(Text, discard{}), RateLimit{}))
	for b.Loop() {
		l.LogAttrs(context.Background(), slog.LevelWarn, "connection refused", slog.String("reason", "limit"))
	}
}
