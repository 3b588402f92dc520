package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// run is one server under one load, once.
type run struct {
	Item   string `json:"item"`
	Server string `json:"server"`
	Round  int    `json:"round"`
	Error  string `json:"error,omitempty"` // why there is nothing else

	CPUTicks       int64 `json:"cpu_ticks"` // user and system, of the server and the children it waited for
	TicksPerSecond int64 `json:"ticks_per_second"`

	// Resident set in KB: when it served, the most ever, and while it held the
	// idle clients.
	StartKB int64 `json:"start_kb"`
	PeakKB  int64 `json:"peak_kb"`
	HeldKB  int64 `json:"held_kb,omitempty"`

	// What all processors did during the load: all together, and for neither
	// the server nor the load.
	MachineTicks int64 `json:"machine_ticks"`
	OtherTicks   int64 `json:"other_ticks"`

	Load load `json:"load"`
}

// load is what the load generator says; fields of it that are not needed are
// not here.
type load struct {
	MessagesPerSecond float64            `json:"messages_per_second"`
	BytesPerSecond    float64            `json:"bytes_per_second"`
	TotalMessages     float64            `json:"total_messages"`
	Connected         int64              `json:"connected"`
	Failures          map[string]float64 `json:"failures,omitempty"`
	Latency           map[string]float64 `json:"latency_seconds,omitempty"`
}

func (r run) failed() float64 {
	var n float64
	for _, count := range r.Load.Failures {
		n += count
	}
	return n
}

// cpuMicroseconds is the server's time for one message, 0 if not known.
func (r run) cpuMicroseconds() float64 {
	if r.Load.TotalMessages == 0 || r.TicksPerSecond == 0 {
		return 0
	}
	return float64(r.CPUTicks) / float64(r.TicksPerSecond) * 1e6 / r.Load.TotalMessages
}

// bytesPerClient is the memory that one idle client costs, 0 if not known.
func (r run) bytesPerClient() float64 {
	if r.HeldKB == 0 || r.Load.Connected == 0 {
		return 0
	}
	return float64(r.HeldKB-r.StartKB) * 1024 / float64(r.Load.Connected)
}

// otherShare is what part of the processors' time, in percent, went to neither
// the server nor the load; ok tells whether it is known.
func (r run) otherShare() (percent float64, ok bool) {
	if r.MachineTicks == 0 {
		return 0, false
	}
	return float64(r.OtherTicks) / float64(r.MachineTicks) * 100, true
}

func readRuns(in io.Reader) ([]run, error) {
	var runs []run
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r run
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read run in line %d: %w", n, err)
		}
		runs = append(runs, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("read runs: there are none")
	}
	return runs, nil
}
