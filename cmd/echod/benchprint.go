package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"echod/server/probe"
)

// benchJSON is the report of bench for programs. Times are seconds.
type benchJSON struct {
	Target            string                   `json:"target"`
	Remote            string                   `json:"remote"`
	Mode              probe.Mode               `json:"mode"`
	Connections       int                      `json:"connections"`
	Connected         int                      `json:"connected"` // when the load began; 0 in mode connect
	Size              int                      `json:"size"`
	Rate              float64                  `json:"rate"` // 0 in a closed loop
	Elapsed           float64                  `json:"elapsed_seconds"`
	Messages          uint64                   `json:"messages"`
	MessagesPerSecond float64                  `json:"messages_per_second"`
	Bytes             uint64                   `json:"bytes"` // one way
	BytesPerSecond    float64                  `json:"bytes_per_second"`
	TotalMessages     uint64                   `json:"total_messages"` // with those before and after the measured time
	Unsent            uint64                   `json:"unsent"`
	Failures          map[probe.Failure]uint64 `json:"failures"`
	Latency           map[string]float64       `json:"latency_seconds"`
}

func newBenchJSON(target string, load probe.Load, r probe.Report) benchJSON {
	latency := make(map[string]float64)
	for _, f := range latencyFigures(r.Latency) {
		latency[strings.ReplaceAll(f.name, ".", "")] = f.value.Seconds()
	}
	return benchJSON{
		Target: target, Remote: r.Remote, Mode: load.Mode,
		Connections: load.Connections, Connected: r.Connections, Size: max(load.Size, 0), Rate: load.Rate,
		Elapsed: r.Elapsed.Seconds(), Messages: r.Messages, MessagesPerSecond: r.MessagesPerSecond(),
		Bytes: r.Bytes, BytesPerSecond: r.BytesPerSecond(), TotalMessages: r.Total, Unsent: r.Unsent,
		Failures: r.Failures, Latency: latency,
	}
}

type latencyFigure struct {
	name  string
	value time.Duration
}

// latencyFigures are the figures of a distribution in the order to print them
// in, none if nothing was measured.
func latencyFigures(l probe.Latency) []latencyFigure {
	if l.Count == 0 {
		return nil
	}
	return []latencyFigure{
		{"min", l.Min},
		{"mean", l.Mean},
		{"stddev", l.StdDev},
		{"p50", l.P50},
		{"p90", l.P90},
		{"p99", l.P99},
		{"p99.9", l.P999},
		{"p99.99", l.P9999},
		{"max", l.Max},
	}
}

// printBench prints the report for people.
func printBench(w io.Writer, target string, load probe.Load, r probe.Report) {
	loop := "closed loop"
	if load.Rate > 0 {
		loop = fmt.Sprintf("open loop, %s messages/s", grouped(load.Rate))
	}
	fmt.Fprintf(w, "%s: %s, %d connections, %d bytes, %s\n", target, load.Mode, load.Connections, max(load.Size, 0), loop)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(w, "  %-11s %s\n", name, fmt.Sprintf(format, values...))
	}
	if load.Mode != probe.Connect && r.Connections < load.Connections {
		row("connected", "%d of %d when the load began", r.Connections, load.Connections)
	}
	row("time", "%.2f s", r.Elapsed.Seconds())
	if load.Mode != probe.Idle {
		row("messages", "%s, %s/s", grouped(float64(r.Messages)), grouped(r.MessagesPerSecond()))
		row("bytes", "%.4g MB, %.4g MB/s each way", float64(r.Bytes)/1e6, r.BytesPerSecond()/1e6)
	}
	if r.Unsent > 0 {
		row("unsent", "%s messages that were due", grouped(float64(r.Unsent)))
	}
	failures := []string{"none"}
	if len(r.Failures) > 0 {
		failures = nil
		for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
			failures = append(failures, fmt.Sprintf("%d %s", r.Failures[kind], kind))
		}
	}
	row("failures", "%s", strings.Join(failures, ", "))
	printLatency(w, r.Latency)
}

func printLatency(w io.Writer, l probe.Latency) {
	figures := latencyFigures(l)
	if len(figures) == 0 {
		return
	}
	names, values := "  latency    ", "          ms "
	for _, f := range figures {
		names += fmt.Sprintf(" %9s", f.name)
		values += fmt.Sprintf(" %9.3f", inMilliseconds(f.value))
	}
	fmt.Fprintf(w, "%s\n%s\n", names, values)
}

// grouped is a number without fraction, with a space before every three digits.
func grouped(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}
