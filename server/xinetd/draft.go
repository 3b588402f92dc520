package xinetd

import (
	"errors"
	"fmt"
	"slices"
)

// draft is a service, or the defaults, while its statements are read.
type draft struct {
	Service
	entry   *entry
	options Options
	given   map[string]statement // what was set, by the name in the table; bad values too
	items   *int                 // how many items the lists of all services may still have

	kinds         kinds
	socketNetwork string // the network that socket_type implies
	serverArgs    []string
	redirectPort  string
	disable       bool
	v6only        bool

	enabled, disabled []string // of the defaults

	diagnostics []Diagnostic
	failed      bool
}

// newDraft begins with what the defaults say, but for what belongs to one entry.
func newDraft(e *entry, from *draft) *draft {
	d := *from
	d.entry, d.given, d.diagnostics, d.failed = e, map[string]statement{}, nil, e.broken
	d.Name, d.File, d.Line = e.name, e.file, e.line
	return &d
}

func (d *draft) isDefaults() bool { return d.entry.name == defaultsName }

func (d *draft) has(name string) bool {
	_, ok := d.given[name]
	return ok
}

// apply reads one statement.
func (d *draft) apply(s statement) {
	a, known := find(s.name)
	switch {
	case !known:
		d.unknown(s)
	case d.misplaced(a):
		d.misplace(a, s)
	case a.obsolete != "":
		d.warn(s, "%s is ignored: %s", a.name, a.obsolete)
	default:
		d.set(a, s)
	}
}

// unknown may be an attribute of another version of xinetd, or a slip that loses a limit.
func (d *draft) unknown(s statement) {
	if a, ok := misspelt(s.name); ok {
		d.fail(s, "unknown attribute %s: %s may be meant", plain(s.name), a.name)
		return
	}
	d.warn(s, "unknown attribute %s is ignored", plain(s.name))
}

func (d *draft) misplaced(a attribute) bool {
	return d.isDefaults() && a.place == inService || !d.isDefaults() && a.place == inDefaults
}

func (d *draft) misplace(a attribute, s statement) {
	where := "a service"
	if d.isDefaults() {
		where = "defaults"
	}
	if a.narrows {
		d.fail(s, "%s does not belong in %s: xinetd ignores it there", a.name, where)
		return
	}
	d.warn(s, "%s is ignored: it does not belong in %s", a.name, where)
}

func (d *draft) set(a attribute, s statement) {
	first, again := d.given[a.name]
	s.values = d.withoutNote(a, s)
	switch {
	case a.style == single && s.op != "=", a.style == growing && s.op == "-=":
		d.fail(s, "%s cannot be set with %s: xinetd ignores the line", a.name, s.op)
		return
	case a.style == single && again && slices.Equal(first.values, s.values):
		d.warn(s, "%s is set again, to the same value", a.name)
		return
	case a.style == single && again:
		d.fail(s, "%s is set again: xinetd keeps the value of %s:%d", a.name, plain(first.file), first.line)
		return
	}
	d.given[a.name] = s
	if n := len(s.values); n < a.min || n > a.max {
		d.fail(s, "%s has %d values where %s expected: xinetd ignores the line", a.name, n, a.counts())
		return
	}
	if err := a.parse(d, s); err != nil {
		d.fail(s, "%s: %w", a.name, err)
	}
}

func (a attribute) counts() string {
	switch {
	case a.min == 1 && a.max == 1:
		return "1 is"
	case a.max == many:
		return fmt.Sprintf("%d or more are", a.min)
	case a.min == a.max:
		return fmt.Sprintf("%d are", a.min)
	default:
		return fmt.Sprintf("%d to %d are", a.min, a.max)
	}
}

// withoutNote returns the values before a comment. xinetd knows no comment there: it ignores
// the line, or takes the words for values.
func (d *draft) withoutNote(a attribute, s statement) []string {
	i := slices.IndexFunc(s.values, isNote)
	switch {
	case i < 0:
		return s.values
	case a.asIs:
		d.warn(s, "%s: %s does not begin a comment here: it is a value, as in xinetd", a.name, plain(s.values[i]))
		return s.values
	default:
		d.warn(s, "%s: what follows %s is taken as a comment, which xinetd does not do", a.name, plain(s.values[i]))
		return s.values[:i]
	}
}

func (d *draft) list(s statement, field *[]string, values []string) error {
	return list(d, s, field, values)
}

// list sets, adds or removes items. The result is never nil: an empty list is not an unset one.
// In defaults = is +=, as xinetd has it. A list may be shared with the defaults and is never
// changed in place.
func list[T comparable](d *draft, s statement, field *[]T, values []T) error {
	result := []T{}
	switch {
	case s.op == "-=":
		gone := make(map[T]bool, len(values))
		for _, v := range values {
			gone[v] = true
		}
		for _, v := range *field {
			if !gone[v] {
				result = append(result, v)
			}
		}
	case s.op == "+=" || d.isDefaults():
		result = append(append(result, *field...), values...)
	default:
		result = append(result, values...)
	}
	if *d.items -= len(result); *d.items < 0 {
		return errors.New("the lists of all services are too long")
	}
	*field = result
	return nil
}

func (d *draft) fail(s statement, format string, a ...any) {
	d.failed = true
	d.say(Error, s.position, fmt.Errorf(format, a...).Error())
}

func (d *draft) warn(s statement, format string, a ...any) {
	d.say(Warning, s.position, fmt.Sprintf(format, a...))
}

func (d *draft) say(severity Severity, at position, text string) {
	// A service has few faults of its own; more than these are noise, and cost memory.
	const most = 100
	if len(d.diagnostics) < most || severity == Error && len(d.diagnostics) < 2*most {
		d.diagnostics = append(d.diagnostics, Diagnostic{
			File: at.file, Line: at.line, Service: d.entry.name, Text: text, Severity: severity,
		})
	}
}
