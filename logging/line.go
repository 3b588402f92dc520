package logging

import (
	"log/slog"
	"time"
)

var newline = []byte{'\n'}

// line is a record on its way to becoming a line.
type line struct {
	format Format
	buf    []byte
	start  int    // where the first key is, after the priority
	prefix []byte // logfmt: the names of the open groups, each with a dot
}

func (l *line) begin() {
	if l.format == JSON {
		l.buf = append(l.buf, '{')
	}
	l.start = len(l.buf)
}

func (l *line) end() {
	if l.format == JSON {
		l.buf = append(l.buf, '}')
	}
	l.buf = append(l.buf, '\n')
}

// separate prepares for the next key.
func (l *line) separate() {
	switch {
	case len(l.buf) == l.start:
	case l.format == Text:
		l.buf = append(l.buf, ' ')
	case l.buf[len(l.buf)-1] != '{':
		l.buf = append(l.buf, ',')
	}
}

func (l *line) key(key string) {
	l.separate()
	if l.format == JSON {
		l.buf = append(appendJSONString(l.buf, key), ':')
		return
	}
	if len(l.prefix) > 0 {
		key = string(l.prefix) + key
	}
	l.buf = append(appendTextString(l.buf, key), '=')
}

func (l *line) str(s string) {
	if l.format == JSON {
		l.buf = appendJSONString(l.buf, s)
	} else {
		l.buf = appendTextString(l.buf, s)
	}
}

func (l *line) timestamp(c *clock, t time.Time) {
	if l.format == JSON {
		l.buf = append(c.append(append(l.buf, '"'), t), '"')
	} else {
		l.buf = c.append(l.buf, t)
	}
}

// attrs appends attributes and reports whether there was anything to append.
func (l *line) attrs(attrs []slog.Attr) bool {
	some := false
	for _, a := range attrs {
		if l.attr(a) {
			some = true
		}
	}
	return some
}

// attr appends an attribute, unless it is the zero Attr or an empty group.
func (l *line) attr(a slog.Attr) bool {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		return l.group(a.Key, v.Group())
	case a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil:
		return false
	}
	l.key(a.Key)
	l.value(v)
	return true
}

// group appends the attributes of a group; without a name they belong to the
// group around it.
func (l *line) group(name string, attrs []slog.Attr) bool {
	if name == "" {
		return l.attrs(attrs)
	}
	buf, prefix := len(l.buf), len(l.prefix)
	l.openGroup(name)
	some := l.attrs(attrs)
	l.prefix = l.prefix[:prefix]
	if some {
		l.closeGroups(1)
	} else {
		l.buf = l.buf[:buf]
	}
	return some
}

func (l *line) openGroup(name string) {
	if l.format == JSON {
		l.key(name)
		l.buf = append(l.buf, '{')
	} else {
		l.prefix = append(append(l.prefix, name...), '.')
	}
}

// openGroups opens groups of the handler; their prefix is set already.
func (l *line) openGroups(names []string) {
	if l.format == JSON {
		for _, name := range names {
			l.openGroup(name)
		}
	}
}

func (l *line) closeGroups(n int) {
	if l.format == JSON {
		for range n {
			l.buf = append(l.buf, '}')
		}
	}
}
