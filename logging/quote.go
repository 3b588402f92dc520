package logging

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns text that was not made by this program, such as a path, an address, the message
// of another program or of a client, in a form that can be shown on a terminal or as a part of a
// line: what is not printable is escaped as in a Go string. Besides newlines and escape sequences
// that is what appendJSONRune has, and bytes that are no UTF-8.
func Printable(text string) string {
	clean := func(r rune, size int) bool { return strconv.IsPrint(r) && !(r == utf8.RuneError && size <= 1) }
	var b []byte
	done := 0 // bytes of text that are in b
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !clean(r, size) {
			quoted := strconv.Quote(text[i : i+size])
			b = append(append(b, text[done:i]...), quoted[1:len(quoted)-1]...)
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return text
	}
	return string(append(b, text[done:]...))
}

// PrintableJSON is Printable for JSON, which means the same afterwards. Newlines and tabs are left,
// as they can only be between the values of JSON.
func PrintableJSON(text []byte) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r == '\n' || r == '\t' {
			b = append(b, byte(r))
			continue
		}
		b = appendJSONRune(b, r)
	}
	return b
}

// appendTextString appends a key or value of logfmt, as a Go string literal if
// it could otherwise be taken for something else.
func appendTextString(b []byte, s string) []byte {
	quotes := s == ""
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '=':
			quotes = true
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			return appendRareString(b, s)
		}
	}
	if !quotes {
		return append(b, s...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendRareString is appendTextString for any string.
func appendRareString(b []byte, s string) []byte {
	for _, r := range s {
		if r == ' ' || r == '=' || r == '"' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(b, s...)
}

// appendJSONString appends a string of JSON. Invalid UTF-8 becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	n := 0
	for n < len(s) && s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\' {
		n++
	}
	b = append(b, s[:n]...)
	for _, r := range s[n:] {
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = appendJSONRune(b, r)
		}
	}
	return append(b, '"')
}

// appendPrintableJSON appends JSON text that was made by encoding/json, which
// leaves unprintable characters in its strings.
func appendPrintableJSON(b, text []byte) []byte {
	for _, r := range string(text) {
		b = appendJSONRune(b, r)
	}
	return b
}

// appendJSONRune escapes what is not printable: besides the control characters
// of ASCII those from U+0080 to U+009F, some of which terminals obey like the
// escape sequences that they stand for, and characters that turn the direction
// of the text or cannot be seen.
func appendJSONRune(b []byte, r rune) []byte {
	switch {
	case strconv.IsPrint(r):
		return utf8.AppendRune(b, r)
	case r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	default:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
	}
}
