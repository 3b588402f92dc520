package logging

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"time"
)

// value appends a resolved value that is not a group.
func (l *line) value(v slog.Value) {
	switch v.Kind() {
	case slog.KindString:
		l.str(v.String())
	case slog.KindInt64:
		l.buf = strconv.AppendInt(l.buf, v.Int64(), 10)
	case slog.KindUint64:
		l.buf = strconv.AppendUint(l.buf, v.Uint64(), 10)
	case slog.KindBool:
		l.buf = strconv.AppendBool(l.buf, v.Bool())
	case slog.KindDuration:
		l.duration(v.Duration())
	case slog.KindFloat64:
		l.float(v.Float64())
	case slog.KindTime:
		l.time(v.Time())
	default:
		l.object(v.Any())
	}
}

// duration appends "1.5s" to logfmt and nanoseconds to JSON.
func (l *line) duration(d time.Duration) {
	if l.format == JSON {
		l.buf = strconv.AppendInt(l.buf, int64(d), 10)
	} else {
		l.buf = append(l.buf, d.String()...)
	}
}

func (l *line) float(f float64) {
	if l.format == JSON {
		l.marshal(f)
	} else {
		l.buf = strconv.AppendFloat(l.buf, f, 'g', -1, 64)
	}
}

func (l *line) time(t time.Time) {
	if l.format == JSON {
		l.str(t.Format(time.RFC3339Nano))
	} else {
		l.str(t.Format(rfc3339Milli))
	}
}

// object appends a value that has to be asked how it wants to be written, and
// may panic then. That, as with a nil pointer that is an error too, is not a
// reason for a server to end.
func (l *line) object(v any) {
	before := len(l.buf)
	defer func() {
		if r := recover(); r != nil {
			l.buf = l.buf[:before]
			if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
				l.str("<nil>")
			} else {
				l.str(fmt.Sprintf("!PANIC: %v", r))
			}
		}
	}()
	if l.format == JSON {
		l.objectJSON(v)
	} else {
		l.objectText(v)
	}
}

func (l *line) objectText(v any) {
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			l.fault(err)
			return
		}
		l.str(string(text))
		return
	}
	if b := reflect.ValueOf(v); b.Kind() == reflect.Slice && b.Type().Elem().Kind() == reflect.Uint8 {
		l.buf = strconv.AppendQuote(l.buf, string(b.Bytes()))
		return
	}
	l.str(fmt.Sprintf("%+v", v))
}

func (l *line) objectJSON(v any) {
	_, marshals := v.(json.Marshaler)
	if err, ok := v.(error); ok && !marshals {
		l.str(err.Error())
		return
	}
	l.marshal(v)
}

// marshal appends what encoding/json makes of a value, without escapes for the
// sake of HTML.
func (l *line) marshal(v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		l.fault(err)
		return
	}
	l.buf = appendPrintableJSON(l.buf, bytes.TrimSuffix(b.Bytes(), newline))
}

// fault appends why there is no value.
func (l *line) fault(err error) { l.str("!ERROR:" + err.Error()) }
