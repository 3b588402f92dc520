package main

import (
	"math"
	"slices"
)

// spread is a figure measured several times.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// spreadOf leaves out what is not known: values that are 0 or no number.
func spreadOf(values []float64) spread {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool {
		return v == 0 || math.IsNaN(v) || math.IsInf(v, 0)
	})
	n := len(values)
	if n == 0 {
		return spread{}
	}
	slices.Sort(values)
	return spread{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1], N: n}
}

// A metric is one figure of a run, by the name it has in the JSON.
type metric string

const (
	throughput     metric = "messages_per_second"
	bandwidth      metric = "bytes_per_second"
	cpu            metric = "cpu_us_per_message"
	p99            metric = "p99_ms"
	startMB        metric = "start_mb"
	peakMB         metric = "peak_mb"
	bytesPerClient metric = "bytes_per_idle_client"
	failures       metric = "failures"
)

func metrics() []metric {
	return []metric{throughput, bandwidth, cpu, p99, startMB, peakMB, bytesPerClient, failures}
}

func (m metric) of(r run) float64 {
	switch m {
	case throughput:
		return r.Load.MessagesPerSecond
	case bandwidth:
		return r.Load.BytesPerSecond
	case cpu:
		return r.cpuMicroseconds()
	case p99:
		return r.Load.Latency["p99"] * 1e3
	case startMB:
		return float64(r.StartKB) / 1024
	case peakMB:
		return float64(r.PeakKB) / 1024
	case bytesPerClient:
		return r.bytesPerClient()
	case failures:
		return r.failed()
	}
	return 0
}

// result is what came of one server under one load.
type result struct {
	Item    string            `json:"item"`
	Server  string            `json:"server"`
	Figures map[metric]spread `json:"figures"`

	// Ratios are those of the item's first server to this one, each of two
	// runs of the same round: what slows down the machine slows down both.
	Ratios map[metric]spread `json:"ratios,omitempty"`
	Errors []string          `json:"errors,omitempty"`
}

// evaluate makes a result of the runs of each item and server, in the order
// in which these appear first.
func evaluate(runs []run) []result {
	var results []result
	first := make(map[string]string) // item to server
	for _, r := range runs {
		if _, found := first[r.Item]; !found {
			first[r.Item] = r.Server
		}
		if !slices.ContainsFunc(results, func(o result) bool { return o.Item == r.Item && o.Server == r.Server }) {
			results = append(results, evaluateServer(runs, r.Item, r.Server, first[r.Item]))
		}
	}
	slices.SortStableFunc(results, func(a, b result) int {
		return indexOf(runs, a.Item) - indexOf(runs, b.Item)
	})
	return results
}

func indexOf(runs []run, item string) int {
	return slices.IndexFunc(runs, func(r run) bool { return r.Item == item })
}

func evaluateServer(runs []run, item, server, reference string) result {
	o := result{Item: item, Server: server, Figures: make(map[metric]spread)}
	mine, others := byRound(runs, item, server), byRound(runs, item, reference)
	for _, m := range metrics() {
		var values, ratios []float64
		for round, r := range mine {
			values = append(values, m.of(r))
			if other, found := others[round]; found {
				ratios = append(ratios, m.of(other)/m.of(r))
			}
		}
		o.Figures[m] = spreadOf(values)
		if s := spreadOf(ratios); server != reference && s.N > 0 {
			if o.Ratios == nil {
				o.Ratios = make(map[metric]spread)
			}
			o.Ratios[m] = s
		}
	}
	for _, r := range runs {
		if r.Item == item && r.Server == server && r.Error != "" {
			o.Errors = append(o.Errors, r.Error)
		}
	}
	return o
}

// byRound is the runs of one server that gave figures.
func byRound(runs []run, item, server string) map[int]run {
	found := make(map[int]run)
	for _, r := range runs {
		if r.Item == item && r.Server == server && r.Error == "" {
			found[r.Round] = r
		}
	}
	return found
}
