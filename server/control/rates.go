package control

import (
	"sync"
	"time"
)

const (
	sampleInterval = 5 * time.Second
	rateWindow     = time.Minute
)

// Rates is how much is going on: averages over the last minute, or since the start if that is
// nearer.
type Rates struct {
	WindowSeconds          float64 `json:"window_seconds"` // what the averages are taken over
	ConnectionsPerSecond   float64 `json:"connections_per_second"`
	BytesReceivedPerSecond float64 `json:"bytes_received_per_second"`
	BytesSentPerSecond     float64 `json:"bytes_sent_per_second"`
}

// A sample is the counters at one moment, uptime being the clock.
type sample struct {
	uptime         time.Duration
	accepted       uint64
	received, sent uint64
}

func sampleOf(s *Status) sample {
	return sample{
		uptime:   time.Duration(s.UptimeSeconds * float64(time.Second)),
		accepted: s.Connections.Accepted,
		received: s.Bytes.Received,
		sent:     s.Bytes.Sent,
	}
}

// A meter remembers the samples of the last minute. The zero value is ready: a server begins with
// all its counters at zero.
type meter struct {
	mu      sync.Mutex
	samples [rateWindow/sampleInterval + 1]sample // a ring
	next    int
}

func (m *meter) record(s sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples[m.next] = s
	m.next = (m.next + 1) % len(m.samples)
}

// rates compares now with the oldest sample, which the next one will replace. Before the ring has
// gone round once, that is the start: all zero.
func (m *meter) rates(now sample) Rates {
	m.mu.Lock()
	then := m.samples[m.next]
	m.mu.Unlock()
	seconds := (now.uptime - then.uptime).Seconds()
	if seconds <= 0 {
		return Rates{}
	}
	return Rates{
		WindowSeconds:          seconds,
		ConnectionsPerSecond:   float64(now.accepted-then.accepted) / seconds,
		BytesReceivedPerSecond: float64(now.received-then.received) / seconds,
		BytesSentPerSecond:     float64(now.sent-then.sent) / seconds,
	}
}
