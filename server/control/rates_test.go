package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRates: since the start at first, and over the last minute once that has passed.
func TestRates(t *testing.T) {
	var m meter
	if got := m.rates(sample{}); got != (Rates{}) {
		t.Errorf("at the start: %+v", got)
	}
	now := sample{uptime: 3 * time.Second, accepted: 6, received: 300, sent: 150}
	want := Rates{WindowSeconds: 3, ConnectionsPerSecond: 2, BytesReceivedPerSecond: 100, BytesSentPerSecond: 50}
	if diff := cmp.Diff(want, m.rates(now)); diff != "" {
		t.Errorf("after 3 s (-want +got):\n%s", diff)
	}
	// Ten connections a second for an hour, then none for half a minute.
	var s sample
	for s.uptime < time.Hour+30*time.Second {
		s.uptime += sampleInterval
		if s.uptime <= time.Hour {
			s.accepted += 50
		}
		m.record(s)
	}
	if got := m.rates(s); got.WindowSeconds != 60 || got.ConnectionsPerSecond != 5 {
		t.Errorf("half a minute after the last one: %+v, want 5 connections a second in 60 s", got)
	}
}
