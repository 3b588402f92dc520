package probe

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bothEngines runs a test with each way of making the load. On systems that
// have but one they are the same.
func bothEngines(t *testing.T, test func(t *testing.T, portable bool)) {
	for name, portable := range map[string]bool{"portable": true, "default": false} {
		t.Run(name, func(t *testing.T) { test(t, portable) })
	}
}

// loaded runs l, for 100 ms if it does not say for how long.
func loaded(t *testing.T, l Load) Report {
	t.Helper()
	if l.Duration == 0 {
		l.Duration = 100 * time.Millisecond
	}
	if l.Timeout == 0 {
		l.Timeout = patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := l.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("load did not end: %+v", r)
	}
	return r
}

// loadedUntil runs l for longer and longer until what came of it is done: on a
// busy machine, 100 ms may be too short for anything to happen.
func loadedUntil(t *testing.T, l Load, done func(Report) bool) Report {
	t.Helper()
	var r Report
	for l.Duration = 100 * time.Millisecond; l.Duration < patience/2; l.Duration *= 4 {
		if r = loaded(t, l); done(r) {
			break
		}
	}
	return r
}

// eventually waits until done holds, but not for ever.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}
