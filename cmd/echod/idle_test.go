package main

import (
	"testing"
	"time"

	"echod/server"
)

// TestIdleWatch goes through one server's life, a look a row.
func TestIdleWatch(t *testing.T) {
	looks := []struct {
		after time.Duration // from the beginning
		stats server.Stats
		over  bool
		why   string
	}{
		{30 * time.Second, server.Stats{}, false, "half of the time"},
		{50 * time.Second, server.Stats{Accepted: 1, Active: 1}, false, "a client"},
		{200 * time.Second, server.Stats{Accepted: 1, Active: 1}, false, "it is silent, but there"},
		{210 * time.Second, server.Stats{Accepted: 1}, false, "it has just left"},
		{240 * time.Second, server.Stats{Accepted: 2}, false, "another one came and left between two looks"},
		{299 * time.Second, server.Stats{Accepted: 2}, false, "59 s without anybody"},
		{299500 * time.Millisecond, server.Stats{Accepted: 2, BytesReceived: 5}, false, "a datagram"},
		{359 * time.Second, server.Stats{Accepted: 2, BytesReceived: 5}, false, "59.5 s without one"},
		{360 * time.Second, server.Stats{Accepted: 2, BytesReceived: 5}, true, "60.5 s"},
	}
	for _, first := range []bool{false, true} {
		w := newIdleWatch(time.Minute, first)
		defer w.stop()
		begin := w.since
		for _, look := range looks {
			if got := w.over(begin.Add(look.after), look.stats); got != look.over {
				t.Errorf("after %v, %s: over is %v", look.after, look.why, got)
			}
		}
	}
}

// TestIdleWatchForFirstClient holds that a wait service does not go before it has taken what it
// was started for: inetd would start it again at once, for ever.
func TestIdleWatchForFirstClient(t *testing.T) {
	for _, first := range []bool{false, true} {
		w := newIdleWatch(time.Minute, first)
		defer w.stop()
		if got := w.over(w.since.Add(time.Hour), server.Stats{}); got == first {
			t.Errorf("an hour without a first client, which is waited for: %v; over is %v", first, got)
		}
	}
}

func TestNoIdleWatch(t *testing.T) {
	w := newIdleWatch(0, false)
	if w.tickC() != nil {
		t.Error("it looks, with no time to wait for")
	}
	w.stop()
}
