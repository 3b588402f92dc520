package main

import "fmt"

// A goal is what echod wants of itself: a figure of it, or the ratio of that
// figure to another server's, is at least or at most so much.
type goal struct {
	item    string
	metric  metric
	against string // the other server; empty if the figure itself is meant
	atLeast bool
	limit   float64
}

func goals() []goal {
	all := []goal{
		{"bulk", throughput, "epoll", true, 1.15},
		{"bulk", throughput, "gonet-copy", true, 1.00},
		{"connect", throughput, "epoll", true, 0.85},
		{"connect", throughput, "echod-nolog", true, 0.85},
		{"udp", throughput, "epoll", true, 1.00},
		{"idle", bytesPerClient, "", false, 300},
		{"idle", startMB, "", false, 10},
		{"flood", peakMB, "", false, 150},
		{"flood", p99, "alone", false, 2},
	}
	var small []goal
	for _, item := range []string{"pingpong-64", "pingpong-1000"} {
		small = append(small,
			goal{item, throughput, "epoll", true, 0.97},
			goal{item, cpu, "epoll", false, 1.08},
			goal{item, throughput, "gonet", true, 1.35},
			goal{item, throughput, "gnet", true, 1.35},
		)
	}
	return append(small, all...)
}

// verdict is what was measured for a goal.
type verdict struct {
	Goal     string `json:"goal"`
	Measured spread `json:"measured"`
	Met      bool   `json:"met"` // by the median

	// C is what the C server reaches of the same, by the medians. It is 0 if that says nothing.
	C float64 `json:"epoll,omitempty"`
}

func (g goal) String() string {
	sign := "at most"
	if g.atLeast {
		sign = "at least"
	}
	if g.against == "" {
		return fmt.Sprintf("%s: %s %s %g", g.item, g.metric.title(), sign, g.limit)
	}
	return fmt.Sprintf("%s: %s %s %.2f × %s", g.item, g.metric.title(), sign, g.limit, g.against)
}

// ofC returns the ratio of the C server's figure to that of r, or 0 for goals that are not about a
// server that the C server, too, is compared with.
func (g goal) ofC(results []result, r result) float64 {
	if g.against == "" || g.against == "epoll" {
		return 0
	}
	for _, c := range results {
		if c.Item == g.item && c.Server == "epoll" {
			return c.Figures[g.metric].Median / r.Figures[g.metric].Median
		}
	}
	return 0
}

// judge compares what was measured with the goals; those of which nothing was
// measured are left out.
func judge(results []result) []verdict {
	var verdicts []verdict
	for _, g := range goals() {
		for _, r := range results {
			s := r.Ratios[g.metric]
			if g.against == "" && r.Server == "echod" {
				s = r.Figures[g.metric]
			} else if r.Server != g.against {
				continue
			}
			if r.Item == g.item && s.N > 0 {
				met := s.Median <= g.limit
				if g.atLeast {
					met = s.Median >= g.limit
				}
				verdicts = append(verdicts, verdict{g.String(), s, met, g.ofC(results, r)})
			}
		}
	}
	return verdicts
}
