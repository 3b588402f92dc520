package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A style is how a table looks: as plain text, or in Markdown.
type style bool

const (
	plain    style = false
	markdown style = true
)

// title is what people call a metric.
func (m metric) title() string {
	return map[metric]string{
		throughput: "messages/s", bandwidth: "MB/s", cpu: "CPU µs/message", p99: "p99 ms",
		startMB: "MB at start", peakMB: "peak MB", bytesPerClient: "bytes/idle client", failures: "failures",
	}[m]
}

// items are the loads, with what to say of each.
var items = []struct{ name, about string }{
	{"pingpong-64", "64 clients, 64-byte messages; each client sends the next when the last has come back"},
	{"pingpong-1000", "1000 clients, 64-byte messages"},
	{"bulk", "16 clients, 128 KB messages"},
	{"connect", "64 clients, each opens a connection, exchanges one 64-byte message and closes; echod writes two log lines for each"},
	{"udp", "64 sockets, 64-byte datagrams"},
	{"idle", "clients that are connected and silent"},
	{"flood", "64 clients with 64-byte messages while 1000 others send and never read, compared with the same without these (alone)"},
	{"generator-64", "not servers but load generators, 64 clients, 64-byte messages, against the C server: echod bench, which compares every byte and takes every latency, and the C one, which does neither"},
	{"generator-bulk", "the same with 16 clients and 128 KB messages"},
}

// columns are the metrics to show for an item.
func columns(item string) []metric {
	switch item {
	case "bulk", "generator-bulk":
		return []metric{throughput, bandwidth, cpu, p99, peakMB, failures}
	case "idle":
		return []metric{bytesPerClient, startMB, peakMB, failures}
	}
	return []metric{throughput, cpu, p99, peakMB, failures}
}

// writeTables writes a table for each item and one for the goals.
func writeTables(out io.Writer, results []result, verdicts []verdict, s style) error {
	var b strings.Builder
	for _, item := range items {
		table := itemTable(item.name, results)
		if len(table) == 1 {
			continue
		}
		s.heading(&b, item.name, item.about)
		s.table(&b, table)
		writeErrors(&b, item.name, results)
	}
	if len(verdicts) > 0 {
		s.heading(&b, "goals", "met or missed by the median; the spread is that of the rounds")
		s.table(&b, goalTable(verdicts))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func itemTable(item string, results []result) [][]string {
	shown := columns(item)
	head := []string{"server"}
	for _, m := range shown {
		head = append(head, m.title())
	}
	ratio := throughput
	switch item {
	case "idle":
		ratio = bytesPerClient
	case "flood":
		ratio = p99
	}
	head = append(head, "ratio of "+ratio.title())
	if item != "idle" && item != "flood" && !strings.HasPrefix(item, "generator") {
		head = append(head, "ratio of CPU")
	}
	table := [][]string{head}
	for _, r := range results {
		if r.Item != item {
			continue
		}
		row := []string{r.Server}
		for _, m := range shown {
			row = append(row, m.format(r.Figures[m]))
		}
		row = append(row, formatRatio(r.Ratios[ratio]))
		if len(row) < len(head) {
			row = append(row, formatRatio(r.Ratios[cpu]))
		}
		table = append(table, row)
	}
	return table
}

func goalTable(verdicts []verdict) [][]string {
	table := [][]string{{"goal", "measured", "", "epoll itself"}}
	for _, v := range verdicts {
		word := "met"
		if !v.Met {
			word = "MISSED"
		}
		c := ""
		if v.C > 0 {
			c = figure(v.C)
		}
		table = append(table, []string{v.Goal, formatRatio(v.Measured), word, c})
	}
	return table
}

func writeErrors(b *strings.Builder, item string, results []result) {
	for _, r := range results {
		if r.Item == item && len(r.Errors) > 0 {
			fmt.Fprintf(b, "%s failed in %d rounds: %s\n\n", r.Server, len(r.Errors), r.Errors[0])
		}
	}
}

// format is the median, with the spread where it says something.
func (m metric) format(s spread) string {
	switch {
	case m == failures && s.N == 0:
		return "0"
	case s.N == 0:
		return "–"
	case m == throughput && s.N > 1:
		return fmt.Sprintf("%s (%s–%s)", grouped(s.Median), grouped(s.Min), grouped(s.Max))
	case m == bandwidth:
		return fmt.Sprintf("%.0f", s.Median/1e6)
	case m == throughput || m == bytesPerClient || m == failures:
		return grouped(s.Median)
	}
	return figure(s.Median)
}

func formatRatio(s spread) string {
	switch s.N {
	case 0:
		return ""
	case 1:
		return figure(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median), figure(s.Min), figure(s.Max))
}

// figure is a number with as many digits as anybody believes.
func figure(n float64) string {
	if n >= 100 {
		return grouped(n)
	}
	return fmt.Sprintf("%.3g", n)
}

// grouped is a number without fraction, with a space before every three digits.
func grouped(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

func (s style) heading(b *strings.Builder, name, about string) {
	if s == markdown {
		fmt.Fprintf(b, "### %s\n\n%s.\n\n", name, strings.ToUpper(about[:1])+about[1:])
		return
	}
	fmt.Fprintf(b, "%s: %s\n", name, about)
}

// table writes rows of which the first is the head, in columns.
func (s style) table(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if s == markdown {
				fmt.Fprintf(b, "| %s%s ", cell, pad)
			} else {
				fmt.Fprintf(b, "  %s%s", cell, pad)
			}
		}
		if s == markdown {
			b.WriteString("|\n")
		} else {
			b.WriteString("\n")
		}
		if n == 0 && s == markdown {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	b.WriteString("\n")
}
