package logging

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// field is a key and its value in a line of logfmt.
type field struct{ key, value string }

// parseLogfmt reads a line as a reader of logfmt does who knows nothing of how
// it was written.
func parseLogfmt(line string) (fields []field, err error) {
	line, ok := strings.CutSuffix(line, "\n")
	if !ok || strings.Contains(line, "\n") {
		return nil, fmt.Errorf("not one line: %q", line)
	}
	for rest := line; ; rest = rest[1:] {
		var f field
		if f.key, rest, err = token(rest); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		if !strings.HasPrefix(rest, "=") {
			return nil, fmt.Errorf("no value of %q in %q", f.key, line)
		}
		if f.value, rest, err = token(rest[1:]); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		fields = append(fields, f)
		if rest == "" {
			return fields, nil
		}
		if rest[0] != ' ' {
			return nil, fmt.Errorf("no space before %q in %q", rest, line)
		}
	}
}

// token splits off a quoted string, or what is before the next separator.
func token(s string) (token, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		n := strings.IndexAny(s, ` ="`)
		if n < 0 {
			n = len(s)
		}
		return s[:n], s[n:], nil
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", err
	}
	token, err = strconv.Unquote(quoted)
	return token, s[len(quoted):], err
}

// checkPrintable fails the test unless a line is one line of printable
// characters.
func checkPrintable(t *testing.T, line string) {
	t.Helper()
	body, ok := strings.CutSuffix(line, "\n")
	if !ok || !utf8.ValidString(body) || strings.ContainsFunc(body, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("not a printable line: %q", line)
	}
}

// Whatever comes from outside, a record is one line of logfmt that reads back
// to the same fields.
func FuzzText(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message, key, value, group string) {
		l, out := captureLogger(Options{})
		l.WithGroup(group).Info(message, slog.String(key, value), slog.Any("error", fmt.Errorf("%s", value)))
		line := out.take()
		checkPrintable(t, line)
		fields, err := parseLogfmt(line)
		if err != nil {
			t.Fatal(err)
		}
		prefix := group
		if group != "" {
			prefix += "."
		}
		want := []field{{"level", "INFO"}, {"msg", message}, {prefix + key, value}, {prefix + "error", value}}
		if diff := cmp.Diff(want, fields[1:], cmp.AllowUnexported(field{})); diff != "" {
			t.Error(diff)
		}
	})
}

// The same in JSON, where invalid UTF-8 cannot be kept.
func FuzzJSON(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message, key, value, group string) {
		l, out := captureLogger(Options{Format: JSON})
		l.WithGroup(group).Info(message, slog.String("k"+key, value), slog.Any("map", map[string]string{value: value}))
		line := out.take()
		checkPrintable(t, line)
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		valid := func(s string) string { return strings.ToValidUTF8(runewise(s), "\ufffd") }
		want := map[string]any{"time": got["time"], "level": "INFO", "msg": valid(message)}
		attrs := want
		if group != "" {
			attrs = map[string]any{}
			want[valid(group)] = attrs
		}
		attrs["k"+valid(key)] = valid(value)
		attrs["map"] = map[string]any{valid(value): valid(value)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// runewise replaces each byte of invalid UTF-8, where strings.ToValidUTF8
// replaces runs of them.
func runewise(s string) string { return string([]rune(s)) }

// seed adds what has been used to forge logs.
func seed(f *testing.F) {
	f.Add("connection opened", "remote", "127.0.0.1:7007", "")
	f.Add("a\nlevel=ERROR msg=forged", "k", "v\r\n2026-01-01 forged", "g")
	f.Add("\x1b[2K\x1b[1A", "a=b c", `" forged=1 "`, `"`)
	f.Add("\u009b2J", "\u0085", "\u2028\u2029\u202e", "a.b")
	f.Add("\xff\xfe\x80", "\x00", "\x7f", "\xed\xa0\x80")
	f.Add(`\`, `\"`, `\\" x=1`, "=")
	f.Add("\U000e0001", "\ufeff", "\U0001f642", "")
}

// There is no character, alone or among others, that comes out as it must not.
func TestEveryCharacter(t *testing.T) {
	for _, format := range []Format{Text, JSON} {
		l, out := captureLogger(Options{Format: format})
		for r := range unicode.MaxRune + 1 {
			if r > 0x3000 && r%251 != 0 {
				continue // a few of each block will do
			}
			l.Info("m", "k", "a"+string(r)+"b", string(r), 1)
			if t.Failed() {
				return
			}
			checkPrintable(t, out.take())
		}
	}
}
