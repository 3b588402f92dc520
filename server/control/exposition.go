package control

import (
	"math"
	"strconv"
	"strings"
)

// A family is one metric: its samples differ in their labels.
type family struct {
	name, kind, help string
	samples          func(*Status) []metric
}

// A metric is a sample of a family. Its labels are name and value, alternating.
type metric struct {
	value  float64
	labels []string
}

func value[N int | uint64 | float64](n N) []metric { return []metric{{value: float64(n)}} }

// An exposition is text in the format that Prometheus reads, version 0.0.4.
type exposition struct{ strings.Builder }

func (e *exposition) add(f family, s *Status) {
	e.WriteString("# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.kind + "\n")
	for _, m := range f.samples(s) {
		e.WriteString(f.name)
		e.labels(m.labels)
		e.WriteString(" " + formatValue(m.value) + "\n")
	}
}

func (e *exposition) labels(labels []string) {
	for i := 0; i < len(labels); i += 2 {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		e.WriteString(separator + labels[i] + `="` + labelEscaper().Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		e.WriteString("}")
	}
}

func labelEscaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
}

func formatValue(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
