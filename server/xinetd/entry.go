package xinetd

import (
	"fmt"
	"strings"
)

// position is a place in a file.
type position struct {
	file string
	line int
}

// statement is one line of an entry, still in words.
type statement struct {
	position
	name   string // as written
	op     string // "=", "+=" or "-="
	values []string
}

// entry is a service, or a set of defaults, as written.
type entry struct {
	position
	name       string // of the service, or defaultsName
	statements []statement
	broken     bool // a part of it could not be read: the service is off
}

// defaultsName is no name of a service: "service defaults" is refused.
const defaultsName = "defaults"

// phase is where the parser of a file stands.
type phase uint8

const (
	outside  phase = iota // between entries
	heading               // after "service NAME", before "{"
	inside                // between "{" and "}"
	skipping              // in an entry that makes no sense, until "}"
)

// parser turns the lines of one file into entries.
type parser struct {
	reader   *reader
	file     string
	lines    lines
	phase    phase
	entry    *entry
	defaults bool // this file has had its defaults
}

func (p *parser) run(depth int) {
	for {
		text, fault, ok := p.lines.next()
		if p.phase == outside {
			p.entry = nil
		}
		switch {
		case !ok:
			p.finish()
			return
		case fault != "":
			p.fail("%s", fault)
			p.lost(text)
		case p.phase == outside:
			p.outside(text, depth)
		case p.phase == heading:
			p.heading(text, depth)
		case p.phase == inside:
			p.inside(text, depth)
		case isEnd(text):
			p.phase = outside
		}
	}
}

// lost is called with a line that makes no sense. What follows one that looks like the head of
// defaults may be limits that are meant for all services.
func (p *parser) lost(text string) {
	if w := words(text); len(w) > 0 && similar(w[0], defaultsName) {
		p.reader.unreadDefaults = true
	}
}

// finish is the end of the file. An entry without its end may have been cut short.
func (p *parser) finish() {
	if p.phase == heading || p.phase == inside {
		p.entry.broken = true
		p.say(Error, p.entry.line, "incomplete entry: the file ends before its '}'")
	}
	if p.lines.crlf > 0 {
		p.entry = nil // it is about the file
		p.say(Warning, p.lines.crlf, "lines end in CR LF: read as if they ended in LF, which xinetd does not do")
	}
}

func (p *parser) outside(text string, depth int) {
	keyword, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case isKeyword(keyword, "service"), isKeyword(keyword, "defaults"):
		p.begin(keyword, words(rest))
	case isKeyword(keyword, "include"), isKeyword(keyword, "includedir"):
		target := words(rest)
		if len(target) == 0 {
			p.fail("%s names nothing: a path has to follow", keyword)
			return
		}
		if len(target) > 1 {
			p.say(Warning, p.lines.number, "words after the path are ignored: "+plain(target[1]))
		}
		at := position{p.file, p.lines.number}
		if isKeyword(keyword, "include") {
			p.reader.include(target[0], at, depth+1)
		} else {
			p.reader.includeDir(target[0], at, depth+1)
		}
	default:
		p.lost(keyword)
		p.fail("unknown keyword %s: one of service, defaults, include and includedir is expected", plain(keyword))
		p.phase = skipping
		if isEnd(text) {
			p.phase = outside
		}
	}
}

// begin starts an entry. xinetd wants the brace on a line of its own and ignores other words.
func (p *parser) begin(keyword string, rest []string) {
	e := &entry{position: position{p.file, p.lines.number}, name: defaultsName}
	p.entry, p.phase = e, heading
	if isKeyword(keyword, "service") {
		if len(rest) == 0 || rest[0] == "{" {
			p.fail("service without a name: the entry is skipped")
			p.phase = skipping
			return
		}
		e.name, rest = rest[0], rest[1:]
		if strings.EqualFold(e.name, defaultsName) {
			p.fail("service cannot be named %s", defaultsName)
		}
	} else if p.defaults {
		p.fail("second defaults in one file: xinetd ignores it")
	} else {
		p.defaults = true
	}
	p.reader.keep(e)
	if len(rest) > 0 && rest[0] == "{" {
		p.phase, rest = inside, rest[1:]
		p.warn("'{' has to be on a line of its own: xinetd skips the entry")
	}
	if len(rest) > 0 && !isNote(rest[0]) {
		p.fail("unexpected %s after the name", plain(rest[0]))
	}
}

func (p *parser) heading(text string, depth int) {
	if text == "{" {
		p.phase = inside
		return
	}
	p.fail("missing '{': it has to be alone on the line after the name")
	switch p.phase = skipping; {
	case isHeader(text):
		p.phase, p.entry = outside, nil
		p.outside(text, depth)
	case isEnd(text):
		p.phase = outside
	case strings.HasPrefix(text, "{"):
		p.phase = inside
	}
}

func (p *parser) inside(text string, depth int) {
	switch {
	case isEnd(text):
		if rest := words(text[1:]); len(rest) > 0 {
			p.warn("'}' has to be on a line of its own: xinetd skips this entry and the next")
			if !isNote(rest[0]) {
				p.fail("unexpected %s after '}'", plain(rest[0]))
			}
		}
		p.phase = outside
	case isHeader(text):
		p.fail("incomplete entry: another one begins before its '}'")
		p.phase, p.entry = outside, nil
		p.outside(text, depth)
	default:
		s, fault := p.statement(text)
		if fault != "" {
			p.fail("%s", fault)
			return
		}
		p.entry.statements = append(p.entry.statements, s)
	}
}

// statement reads NAME OP VALUE...; xinetd skips the entry when no blank stands before OP.
func (p *parser) statement(text string) (statement, string) {
	s := statement{position: position{p.file, p.lines.number}}
	end := strings.IndexAny(text, " \t=")
	if end < 0 {
		return s, fmt.Sprintf("attribute %s has no operator: =, += or -= has to follow", plain(text))
	}
	glued := text[end] == '='
	if glued && end > 0 && strings.ContainsAny(text[end-1:end], "+-") {
		end--
	}
	s.name = text[:end]
	rest := strings.TrimLeft(text[end:], " \t")
	for _, op := range []string{"=", "+=", "-="} {
		if strings.HasPrefix(rest, op) {
			s.op, s.values = op, words(rest[len(op):])
		}
	}
	switch {
	case s.name == "":
		return s, "line begins with an operator: an attribute has to stand before it"
	case s.op == "":
		return s, fmt.Sprintf("attribute %s has no operator: =, += or -= has to follow", plain(s.name))
	case glued:
		p.warn("attribute %s needs a blank before its operator: xinetd skips the service", plain(s.name))
	}
	return s, ""
}

// isHeader tells "service NAME" from an attribute of that name.
func isHeader(text string) bool {
	w := words(text)
	if isKeyword(w[0], "service") {
		return len(w) > 1 && !strings.Contains("=+=-=", w[1])
	}
	return isKeyword(w[0], "defaults") && (len(w) == 1 || w[1] == "{")
}

func isEnd(text string) bool { return text[0] == '}' }

func isKeyword(word, keyword string) bool { return strings.EqualFold(word, keyword) }

// fail reports an error on the line; the entry that it is in is off.
func (p *parser) fail(format string, a ...any) {
	if p.entry != nil {
		p.entry.broken = true
	}
	p.say(Error, p.lines.number, fmt.Sprintf(format, a...))
}

func (p *parser) warn(format string, a ...any) {
	p.say(Warning, p.lines.number, fmt.Sprintf(format, a...))
}

func (p *parser) say(severity Severity, line int, text string) {
	d := Diagnostic{File: p.file, Line: line, Text: text, Severity: severity}
	if p.entry != nil {
		d.Service = p.entry.name
	}
	p.reader.report.add(d)
}
