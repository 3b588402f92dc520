package main

import (
	"testing"
	"time"

	"echod/server/control"

	"github.com/google/go-cmp/cmp"
)

// TestStatusRows is the table of a busy server, with all that can be in it.
func TestStatusRows(t *testing.T) {
	s := &control.Status{
		State: control.Draining, StartedAt: time.Date(2026, 11, 21, 20, 0, 0, 0, time.Local), UptimeSeconds: 90_000,
		Listeners: []control.ListenerStatus{{Network: "tcp", Address: "[::]:7"}, {Network: "unix", Address: "/run/e\x1b[2J"}},
		Connections: control.ConnectionCounts{
			Active: 3, Accepted: 1_000_000, Refused: 7,
			RefusedByReason: map[string]uint64{"source-limit": 5, "rate": 2, "access": 0},
		},
		Datagrams: control.DatagramCounts{Received: 9, Sent: 8, Refused: 1, Dropped: new(uint64)},
		Bytes:     control.ByteCounts{Received: 12_345_678, Sent: 99},
		Rates:     control.Rates{WindowSeconds: 60, ConnectionsPerSecond: 12.34, BytesReceivedPerSecond: 5000, BytesSentPerSecond: 0.4},
		Limits:    control.Limits{MaxConnections: 100, MaxConnectionsPerSource: 5, IdleTimeoutSeconds: 90, DrainTimeoutSeconds: 5},
		PidFile:   "/run/echod/echod.pid",
		Log:       control.LogStatus{File: "syslog", Level: "warn", LinesDropped: 4},
	}
	want := [][2]string{
		{"state", "draining"},
		{"uptime", "1d1h, since 2026-11-21 20:00:00"},
		{"listeners", "tcp://[::]:7, unix:///run/e\x1b[2J"},
		{"clients", "3 now, 1000000 accepted, 7 refused (rate 2, source-limit 5)"},
		{"datagrams", "9 received, 8 sent, 1 refused, 0 dropped by the system"},
		{"bytes", "12.3 MB received, 99 B sent"},
		{"rates", "12 clients/s, 5.00 kB/s received, 0 B/s sent, over the last 1m0s"},
		{"limits", "100 clients, 5 clients per source, 1m30s idle, 5s to drain"},
		{"log", "syslog, level warn, 4 lines dropped"},
		{"pid file", "/run/echod/echod.pid"},
		{"control socket", "none"},
	}
	if diff := cmp.Diff(want, statusRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	s.Connections.LimitReached = true
	if got, want := statusRows(s)[3][1], "3 now (limit reached, others wait), 1000000 accepted, 7 refused (rate 2, source-limit 5)"; got != want {
		t.Errorf("at the limit: %q, want %q", got, want)
	}
	s.Datagrams.Dropped = nil
	if got, want := statusRows(s)[4][1], "9 received, 8 sent, 1 refused"; got != want {
		t.Errorf("without drops: %q, want %q", got, want)
	}
}
