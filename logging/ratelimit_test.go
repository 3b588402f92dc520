package logging

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limited returns a logger of two lines a minute and message, and a function
// that returns what was written since its last call, without times.
func limited(t *testing.T) (*RateLimiter, func() []string) {
	t.Helper()
	l, out := captureLogger(Options{})
	h := LimitRate(l.Handler(), RateLimit{Lines: 2, Interval: time.Minute})
	return h, func() (lines []string) {
		for line := range strings.Lines(out.take()) {
			_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			lines = append(lines, line)
		}
		return lines
	}
}

// Of each message, two lines an interval pass; how many more there were is
// said at its end, and then two more may pass.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, written := limited(t)
		l := slog.New(h)
		for i := range 5 {
			l.Warn("refused", "i", i)
			l.Error("failed", "i", i)
			l.Info("opened", "i", i)
			time.Sleep(time.Second)
		}
		want := []string{
			"level=WARN msg=refused i=0", "level=ERROR msg=failed i=0", "level=INFO msg=opened i=0",
			"level=WARN msg=refused i=1", "level=ERROR msg=failed i=1", "level=INFO msg=opened i=1",
			"level=INFO msg=opened i=2", "level=INFO msg=opened i=3", "level=INFO msg=opened i=4",
		}
		if diff := cmp.Diff(want, written()); diff != "" {
			t.Error(diff)
		}

		time.Sleep(54 * time.Second)
		synctest.Wait()
		if lines := written(); lines != nil {
			t.Errorf("before the end of the interval: %q", lines)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want = []string{"level=ERROR msg=failed suppressed=3", "level=WARN msg=refused suppressed=3"}
		// Both intervals end at the same time.
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(written()))); diff != "" {
			t.Error(diff)
		}

		l.Warn("refused", "i", 5)
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"level=WARN msg=refused i=5"}, written()); diff != "" {
			t.Error(diff)
		}
	})
}

// Loggers with attributes of their own count together; the line about what was
// left out has none of them.
func TestRateLimitDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, written := limited(t)
		for i := range 4 {
			slog.New(h).With("id", i).WithGroup("g").Warn("refused", "a", 1)
		}
		h.Flush()
		want := []string{
			"level=WARN msg=refused id=0 g.a=1", "level=WARN msg=refused id=1 g.a=1",
			"level=WARN msg=refused suppressed=2",
		}
		if diff := cmp.Diff(want, written()); diff != "" {
			t.Error(diff)
		}
		// Flush has ended the interval.
		slog.New(h).Warn("refused")
		time.Sleep(time.Hour)
		if diff := cmp.Diff([]string{"level=WARN msg=refused"}, written()); diff != "" {
			t.Error(diff)
		}
	})
}

// Messages that are never the same twice take neither memory nor lines without
// end.
func TestRateLimitOtherMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, written := limited(t)
		for i := range maxMessages + 10 {
			slog.New(h).Warn(fmt.Sprintf("error %d", i))
		}
		if n := len(written()); n != maxMessages+2 {
			t.Errorf("%d lines passed", n)
		}
		h.Flush()
		if diff := cmp.Diff([]string{"level=WARN msg=\"other messages\" suppressed=8"}, written()); diff != "" {
			t.Error(diff)
		}
		if n := len(h.counts.messages); n != 0 {
			t.Errorf("%d messages kept", n)
		}
	})
}
