package server

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	var th throttle
	start := time.Unix(1000, 0)
	for _, step := range []struct {
		after time.Duration
		ok    bool
		held  uint64
	}{
		{0, true, 0},
		{time.Millisecond, false, 0},
		{999 * time.Millisecond, false, 0},
		{time.Second, true, 2},
		{1500 * time.Millisecond, false, 0},
		{10 * time.Second, true, 1},
		{11 * time.Second, true, 0},
	} {
		held, ok := th.allow(start.Add(step.after), time.Second)
		if ok != step.ok || held != step.held {
			t.Errorf("after %v: %v, %d held back; want %v, %d", step.after, ok, held, step.ok, step.held)
		}
	}
}
