package logging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// record returns a record without a time.
func record(message string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, message, 0)
	r.AddAttrs(attrs...)
	return r
}

func TestHandlerConforms(t *testing.T) {
	for format, parse := range map[Format]func(t *testing.T, line string) map[string]any{
		Text: parseNested,
		JSON: func(t *testing.T, line string) (m map[string]any) {
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			return m
		},
	} {
		t.Run(format.String(), func(t *testing.T) {
			var out *captured
			slogtest.Run(t, func(*testing.T) slog.Handler {
				var l *slog.Logger
				l, out = captureLogger(Options{Format: format})
				return l.Handler()
			}, func(t *testing.T) map[string]any {
				return parse(t, out.take())
			})
		})
	}
}

// parseNested reads a line of logfmt and makes groups of the keys with dots.
func parseNested(t *testing.T, line string) map[string]any {
	fields, err := parseLogfmt(line)
	if err != nil {
		t.Fatal(err)
	}
	top := map[string]any{}
	for _, f := range fields {
		m := top
		names := strings.Split(f.key, ".")
		for _, name := range names[:len(names)-1] {
			group, ok := m[name].(map[string]any)
			if !ok {
				group = map[string]any{}
				m[name] = group
			}
			m = group
		}
		m[names[len(names)-1]] = f.value
	}
	return top
}

type nilError struct{ message string }

func (e *nilError) Error() string { return e.message }

type panics struct{}

func (panics) Error() string                { panic("no error") }
func (panics) MarshalText() ([]byte, error) { panic("no text") }

type unmarshalable struct{}

func (unmarshalable) MarshalText() ([]byte, error) { return nil, errors.New("no text") }
func (unmarshalable) MarshalJSON() ([]byte, error) { return nil, errors.New("no JSON") }

type redacted string

func (redacted) LogValue() slog.Value {
	return slog.GroupValue(slog.String("hidden", "yes"), slog.Int("n", 1))
}

// values are attributes of all kinds.
func values() []slog.Attr {
	at := time.Date(2026, 11, 21, 20, 53, 7, 123456789, time.FixedZone("", 3600))
	type pair struct {
		A string
		B *int
	}
	return []slog.Attr{
		slog.String("empty", ""), slog.String("plain", "plain"), slog.String("words", "two words"),
		slog.String("equals", "a=b"), slog.String("quote", `say "hi"`), slog.String("backslash", `C:\dir`),
		slog.String("both", `C:\my dir`), slog.String("newline", "a\nb"), slog.String("tab", "a\tb"),
		slog.String("umlaut", "Zürich"), slog.String("umlauts", "in Zürich"), slog.String("html", "<a&b>"),
		slog.String("replacement", "a\ufffdb"), slog.String("emoji", "🙂"),
		slog.String("a key", "v"), slog.String("a=b", "v"), slog.String("schlüssel", "v"),
		slog.Int64("negative", -7), slog.Int64("least", math.MinInt64), slog.Uint64("most", math.MaxUint64),
		slog.Bool("true", true), slog.Bool("false", false),
		slog.Float64("half", 0.5), slog.Float64("large", 1e30), slog.Float64("small", 1e-9), slog.Float64("whole", 3),
		slog.Float64("nan", math.NaN()),
		slog.Duration("duration", 1500*time.Millisecond), slog.Duration("none", 0), slog.Time("time", at),
		slog.Any("nil", nil), slog.Any("error", io.ErrUnexpectedEOF), slog.Any("wrapped", fmt.Errorf("read: %w", io.EOF)),
		slog.Any("nil error", (*nilError)(nil)), slog.Any("panics", panics{}), slog.Any("unmarshalable", unmarshalable{}),
		slog.Any("address", netip.MustParseAddrPort("[::1]:7")), slog.Any("bytes", []byte("a b")),
		slog.Any("raw", json.RawMessage(`{"a": [1, 2]}`)), slog.Any("struct", pair{A: "x y"}),
		slog.Any("map", map[string]int{"b": 2, "a": 1}), slog.Any("slice", []string{"a", "b c"}),
		slog.Any("channel", (chan int)(nil)),
		slog.Any("secret", redacted("x")),
		slog.Group("group", slog.Int("a", 1), slog.Group("inner", slog.String("b c", "d"))),
		slog.Group("", slog.Int("inlined", 1)), slog.Group("hollow", slog.Group("empty")),
		{},
	}
}

// Records look as slog's own handlers write them.
func TestHandlerEqualsSlog(t *testing.T) {
	derive := map[string]func(slog.Handler) slog.Handler{
		"plain": func(h slog.Handler) slog.Handler { return h },
		"attrs": func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("x", 1)}).WithAttrs([]slog.Attr{slog.String("y", "z z")})
		},
		"group":  func(h slog.Handler) slog.Handler { return h.WithGroup("g").WithGroup("a b") },
		"nested": func(h slog.Handler) slog.Handler { return withinGroups(h) },
		"nothing": func(h slog.Handler) slog.Handler {
			return h.WithGroup("g").WithAttrs(nil).WithAttrs([]slog.Attr{slog.Group("empty")})
		},
	}
	for _, format := range []Format{Text, JSON} {
		for name, derive := range derive {
			t.Run(format.String()+" "+name, func(t *testing.T) {
				l, got := captureLogger(Options{Format: format})
				ours := derive(l.Handler())
				want := new(captured)
				theirs := derive(slogHandler(format, want))
				for _, r := range append(recordsOf(values()), record("no attributes"), record("all", values()...)) {
					if err := errors.Join(ours.Handle(t.Context(), r), theirs.Handle(t.Context(), r)); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want.take(), got.take()); diff != "" {
						t.Errorf("-slog +ours:\n%s", diff)
					}
				}
			})
		}
	}
}

func withinGroups(h slog.Handler) slog.Handler {
	return h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("x", 1)}).WithGroup("h").WithGroup("i")
}

func slogHandler(f Format, w io.Writer) slog.Handler {
	if f == JSON {
		return slog.NewJSONHandler(w, nil)
	}
	return slog.NewTextHandler(w, nil)
}

// recordsOf returns a record for each attribute, with different levels.
func recordsOf(attrs []slog.Attr) (records []slog.Record) {
	for i, a := range attrs {
		r := record("message "+a.Key, a)
		r.Level = slog.Level(i%14 - 5)
		records = append(records, r)
	}
	return records
}

// Two handlers derived from one do not write into each other's memory.
func TestHandlerSiblings(t *testing.T) {
	l, out := captureLogger(Options{Format: JSON})
	parent := l.With("a", 1).WithGroup("f").WithGroup("g").WithGroup("h").With("b", 2)
	one, other := parent.With("c", 3), parent.With("d", 4)
	groupOne, groupOther := parent.WithGroup("x"), parent.WithGroup("y")
	for _, l := range []*slog.Logger{one, other, groupOne, groupOther, parent} {
		l.Info("m", "e", 5)
	}
	var got []string
	for line := range strings.Lines(out.take()) {
		_, line, _ = strings.Cut(line, `"msg":"m",`)
		got = append(got, line)
	}
	want := []string{
		`"a":1,"f":{"g":{"h":{"b":2,"c":3,"e":5}}}}` + "\n",
		`"a":1,"f":{"g":{"h":{"b":2,"d":4,"e":5}}}}` + "\n",
		`"a":1,"f":{"g":{"h":{"b":2,"x":{"e":5}}}}}` + "\n",
		`"a":1,"f":{"g":{"h":{"b":2,"y":{"e":5}}}}}` + "\n",
		`"a":1,"f":{"g":{"h":{"b":2,"e":5}}}}` + "\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The time is that of slog's text handler, in whatever zone, second or year.
func TestHandlerTime(t *testing.T) {
	start := time.Date(2026, 11, 21, 20, 53, 7, 0, time.UTC)
	l, got := captureLogger(Options{})
	want := new(captured)
	theirs := slogHandler(Text, want)
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 5*3600+1800), time.FixedZone("", -3600)} {
		for _, add := range []time.Duration{
			0, time.Millisecond, 999 * time.Millisecond, time.Second - 1, time.Second,
			time.Hour, 87 * time.Millisecond, 1e5 * time.Hour, -1e6 * time.Hour, 0,
		} {
			r := record("m")
			r.Time = start.Add(add).In(zone)
			if err := errors.Join(l.Handler().Handle(t.Context(), r), theirs.Handle(t.Context(), r)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(want.take(), got.take()); diff != "" {
		t.Errorf("-slog +ours:\n%s", diff)
	}
}

func TestHandlerLevel(t *testing.T) {
	level := new(slog.LevelVar)
	l, out := captureLogger(Options{Level: level})
	derived := l.With("a", 1)
	derived.Debug("one")
	level.Set(slog.LevelDebug)
	derived.Debug("two")
	level.Set(slog.LevelError)
	derived.Warn("three")
	if got := out.take(); !strings.Contains(got, "two") || strings.Count(got, "\n") != 1 {
		t.Errorf("log is %q", got)
	}
	standard, _ := captureLogger(Options{})
	if standard.Enabled(context.Background(), slog.LevelDebug) || !standard.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("the level is not info by default")
	}
}

func TestParseFormat(t *testing.T) {
	for _, want := range []Format{Text, JSON} {
		if f, err := ParseFormat(want.String()); f != want || err != nil {
			t.Errorf("%v is read as %v, %v", want, f, err)
		}
	}
	if f, err := ParseFormat("xml"); err == nil || err.Error() != `log format "xml": want text or json` {
		t.Errorf("xml is read as %v, %v", f, err)
	}
}
