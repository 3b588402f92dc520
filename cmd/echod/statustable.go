package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"echod/logging"
	"echod/server/control"
)

// printTable prints a status for people.
func (r *statusReport) printTable(s *control.Status) error {
	r.sayf("running, pid %d, version %s", s.Pid, s.Version)
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	for _, row := range statusRows(s) {
		fmt.Fprintf(w, "%s\t%s\n", row[0], logging.Printable(row[1]))
	}
	return w.Flush()
}

func statusRows(s *control.Status) [][2]string {
	c, d, rates := s.Connections, s.Datagrams, s.Rates
	return [][2]string{
		{"state", string(s.State)},
		{"uptime", fmt.Sprintf("%s, since %s", span(s.UptimeSeconds), s.StartedAt.Local().Format(time.DateTime))},
		{"listeners", listenerList(s.Listeners)},
		{"clients", fmt.Sprintf("%d now%s, %d accepted, %d refused%s", c.Active, limitReached(c), c.Accepted, c.Refused, reasonList(c.RefusedByReason))},
		{"datagrams", fmt.Sprintf("%d received, %d sent, %d refused%s%s", d.Received, d.Sent, d.Refused, reasonList(d.RefusedByReason), droppedSummary(d))},
		{"bytes", fmt.Sprintf("%s received, %s sent", byteSize(s.Bytes.Received), byteSize(s.Bytes.Sent))},
		{"rates", fmt.Sprintf("%s clients/s, %s/s received, %s/s sent, over the last %s", perSecond(rates.ConnectionsPerSecond),
			byteSize(rates.BytesReceivedPerSecond), byteSize(rates.BytesSentPerSecond), span(rates.WindowSeconds))},
		{"limits", limitList(s.Limits)},
		{"log", logSummary(s.Log)},
		{"pid file", cmp.Or(s.PidFile, "none")},
		{"control socket", cmp.Or(s.ControlSocket, "none")},
	}
}

func listenerList(listeners []control.ListenerStatus) string {
	var names []string
	for _, l := range listeners {
		names = append(names, l.Network+"://"+l.Address)
	}
	return strings.Join(names, ", ")
}

// limitReached is said of a number of clients that cannot grow.
func limitReached(c control.ConnectionCounts) string {
	if !c.LimitReached {
		return ""
	}
	return " (limit reached, others wait)"
}

// reasonList is " (limit 2, rate 1)", without those that there were none of.
func reasonList(reasons map[string]uint64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if n := reasons[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", reason, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// droppedSummary is ", 3 dropped by the system", or nothing where that is not known.
func droppedSummary(d control.DatagramCounts) string {
	if d.Dropped == nil {
		return ""
	}
	return fmt.Sprintf(", %d dropped by the system", *d.Dropped)
}

func limitList(l control.Limits) string {
	var limits []string
	add := func(format string, n float64) {
		if n != 0 {
			limits = append(limits, fmt.Sprintf(format, span(n)))
		}
	}
	if l.MaxConnections != 0 {
		limits = append(limits, fmt.Sprintf("%d clients", l.MaxConnections))
	}
	if l.MaxConnectionsPerSource != 0 {
		limits = append(limits, fmt.Sprintf("%d clients per source", l.MaxConnectionsPerSource))
	}
	add("%s idle", l.IdleTimeoutSeconds)
	add("%s to drain", l.DrainTimeoutSeconds)
	if len(limits) == 0 {
		return "none"
	}
	return strings.Join(limits, ", ")
}

func logSummary(l control.LogStatus) string {
	if l.File == "" {
		return "none"
	}
	summary := fmt.Sprintf("%s, level %s, %d lines dropped", l.File, l.Level, l.LinesDropped)
	if l.FailingSince != nil {
		summary += fmt.Sprintf("; cannot be written since %s (%s), %d lines wait", l.FailingSince.Local().Format(time.DateTime), l.Failure, l.LinesWaiting)
	}
	return summary
}
