package control

import (
	"maps"
	"math"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
)

// The metrics are made afresh for each scrape from counters that are kept anyway. So
// there is no registry, and a library would have little to do but to write these lines.

var serverFamilies = []family{
	{"echod_build_info", "gauge", "What was built; always 1.", func(s *Status) []metric {
		return []metric{{1, []string{"version", s.Version, "goversion", runtime.Version(), "goos", runtime.GOOS, "goarch", runtime.GOARCH}}}
	}},
	{"echod_state", "gauge", "1 for the state that the server is in.", func(s *Status) []metric {
		var samples []metric
		for _, state := range []State{Serving, Draining, Stopping} {
			m := metric{labels: []string{"state", string(state)}}
			if s.State == state {
				m.value = 1
			}
			samples = append(samples, m)
		}
		return samples
	}},
	{"echod_connections_active", "gauge", "Clients being served.", func(s *Status) []metric { return value(s.Connections.Active) }},
	{"echod_connections_limit", "gauge", "How many clients may be served at once; +Inf without a limit.", func(s *Status) []metric {
		if s.Limits.MaxConnections == 0 {
			return value(math.Inf(1))
		}
		return value(s.Limits.MaxConnections)
	}},
	{"echod_connections_at_limit", "gauge", "1 while there is no place for one more client, so that the next ones wait.", func(s *Status) []metric {
		if s.Connections.LimitReached {
			return value(1)
		}
		return value(0)
	}},
	{"echod_connections_limit_reached_total", "counter", "Times that there was no place for one more client.", func(s *Status) []metric {
		return value(s.Connections.LimitReachedTimes)
	}},
	{"echod_connections_accepted_total", "counter", "Clients that were served.", func(s *Status) []metric { return value(s.Connections.Accepted) }},
	{"echod_connections_refused_total", "counter", "Clients that were closed without being served, by reason.", func(s *Status) []metric {
		return byReason(s.Connections.Refused, s.Connections.RefusedByReason)
	}},
	{"echod_datagrams_received_total", "counter", "Datagrams received.", func(s *Status) []metric { return value(s.Datagrams.Received) }},
	{"echod_datagrams_sent_total", "counter", "Datagrams sent back.", func(s *Status) []metric { return value(s.Datagrams.Sent) }},
	{"echod_datagrams_refused_total", "counter", "Datagrams that were not answered, by reason.", func(s *Status) []metric {
		return byReason(s.Datagrams.Refused, s.Datagrams.RefusedByReason)
	}},
	{"echod_datagrams_dropped_total", "counter", "Datagrams that the kernel had no room for; no sample where it does not tell.", func(s *Status) []metric {
		if s.Datagrams.Dropped == nil {
			return nil
		}
		return value(*s.Datagrams.Dropped)
	}},
	{"echod_received_bytes_total", "counter", "Bytes read from clients.", func(s *Status) []metric { return value(s.Bytes.Received) }},
	{"echod_sent_bytes_total", "counter", "Bytes sent back to clients.", func(s *Status) []metric { return value(s.Bytes.Sent) }},
	{"echod_log_lines_dropped_total", "counter", "Log lines that could not be written in time.", func(s *Status) []metric { return value(s.Log.LinesDropped) }},
	{"echod_log_failing", "gauge", "1 while the log cannot be written.", func(s *Status) []metric {
		if s.Log.FailingSince == nil {
			return value(0)
		}
		return value(1)
	}},
	{"echod_log_lines_waiting", "gauge", "Log lines that wait because the log cannot be written.", func(s *Status) []metric { return value(s.Log.LinesWaiting) }},
}

// byReason is a sample for each reason, or a single one if they are not told apart.
func byReason(total uint64, reasons map[string]uint64) []metric {
	if reasons == nil {
		return value(total)
	}
	var samples []metric
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		samples = append(samples, metric{float64(reasons[reason]), []string{"reason", reason}})
	}
	return samples
}

func (s *Server) getMetrics(w http.ResponseWriter, _ *http.Request) {
	status := s.Controls.Status()
	var e exposition
	for _, f := range serverFamilies {
		e.add(f, &status)
	}
	for _, f := range slices.Concat(runtimeFamilies(), processFamilies(&status)) {
		e.add(f, &status)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write([]byte(e.String()))
}

// runtimeFamilies are a few of those that github.com/prometheus/client_golang has, by the same
// names.
func runtimeFamilies() []family {
	read := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(read)
	number := func(i int) func(*Status) []metric {
		return func(*Status) []metric { return value(read[i].Value.Uint64()) }
	}
	return []family{
		{"go_info", "gauge", "The version of Go; always 1.", func(*Status) []metric {
			return []metric{{1, []string{"version", runtime.Version()}}}
		}},
		{"go_goroutines", "gauge", "Goroutines that there are.", func(*Status) []metric { return value(runtime.NumGoroutine()) }},
		{"go_memstats_alloc_bytes", "gauge", "Memory in objects of the heap, live or not yet swept.", number(0)},
		{"go_memstats_sys_bytes", "gauge", "Memory that the Go runtime has from the system.", number(1)},
		{"go_gc_cycles_total", "counter", "Garbage collections that were completed.", number(2)},
	}
}
