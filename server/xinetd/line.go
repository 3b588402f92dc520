package xinetd

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLine is how long a line may be; xinetd.conf(5) has the same limit.
const maxLine = 16 << 10

// blanks are the characters that xinetd skips at the start of a line. Between words it knows
// only the space and the tab.
const blanks = " \t\v\f\r"

// lines walks over the lines of a file.
type lines struct {
	rest   string
	number int
	crlf   int // the first line that ended in CR LF, or 0
}

// next returns the next line that is neither blank nor a comment, without blanks around it.
// fault says why a line cannot be read.
func (l *lines) next() (text, fault string, ok bool) {
	for l.rest != "" {
		text, l.rest, _ = strings.Cut(l.rest, "\n")
		l.number++
		if strings.HasSuffix(text, "\r") && l.crlf == 0 {
			l.crlf = l.number
		}
		long := len(text) >= maxLine
		text = strings.TrimRight(strings.TrimLeft(text, blanks), " \t\r")
		switch {
		case long:
			return text, fmt.Sprintf("line too long: it has %d bytes or more", maxLine), true
		case text == "" || text[0] == '#':
		case !utf8.ValidString(text):
			return text, "line is not text: it is not valid UTF-8", true
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return text, "line is not text: it has a control character", true
		default:
			return text, "", true
		}
	}
	return "", "", false
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
}

// isNote tells whether a word begins a comment. xinetd knows comments only at the start of a line.
func isNote(word string) bool { return word[0] == '#' || word == "//" }
