package xinetd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity tells an error from a warning.
type Severity uint8

const (
	// Warning is what an administrator should know and what turns nothing off.
	Warning Severity = iota
	// Error turns off the service that it names; in the defaults, every service.
	Error
)

func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Diagnostic is one fault or doubt, and where it is.
type Diagnostic struct {
	File     string
	Line     int    // from 1; 0: the file as a whole
	Service  string // as written after "service", "defaults", or empty outside of entries
	Text     string // what: why
	Severity Severity
}

// String is the form that editors understand: file:line: service NAME: what: why.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(plain(d.File))
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d", d.Line)
	}
	switch d.Service {
	case "":
	case defaultsName:
		b.WriteString(": defaults")
	default:
		b.WriteString(": service " + plain(d.Service))
	}
	return b.String() + ": " + d.Text
}

// plain keeps what a file chose from acting on a terminal or filling a log.
func plain(word string) string {
	const most = 64
	if len(word) > most && !strings.Contains(word, "/") {
		word = word[:most] + "..."
	}
	if q := fmt.Sprintf("%q", word); q[1:len(q)-1] != word {
		return q
	}
	return word
}

// maxDiagnostics bounds what a hostile file can make the reader say. What is left out is
// counted; services are turned off by their own state, never by looking at this list.
const maxDiagnostics = 1000

// report collects diagnostics.
type report struct {
	list   []Diagnostic
	left   int
	failed bool
}

func (r *report) add(d Diagnostic) {
	r.failed = r.failed || d.Severity == Error
	if len(r.list) == maxDiagnostics {
		r.left++
		return
	}
	r.list = append(r.list, d)
}

// sorted orders the diagnostics as the files were read, and the lines in them.
func (r *report) sorted(files []string) []Diagnostic {
	order := make(map[string]int, len(files))
	for i, name := range slices.Backward(files) {
		order[name] = i
	}
	slices.SortStableFunc(r.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
	if r.left == 0 {
		return r.list
	}
	severity := Warning
	if r.failed {
		severity = Error
	}
	last := Diagnostic{File: files[0], Text: fmt.Sprintf("%d more are not shown", r.left), Severity: severity}
	return append(r.list, last)
}
