package logging

import (
	"sync/atomic"
	"time"
)

// rfc3339Milli is RFC 3339 with milliseconds.
const rfc3339Milli = "2006-01-02T15:04:05.000Z07:00"

// clock formats times as rfc3339Milli does, but keeps the part that changes
// once a second.
type clock struct{ last atomic.Pointer[second] }

type second struct {
	unix     int64
	location *time.Location
	head     string // as far as the dot
	zone     string
}

func (c *clock) append(b []byte, t time.Time) []byte {
	s := c.last.Load()
	if s == nil || s.unix != t.Unix() || s.location != t.Location() {
		s = &second{t.Unix(), t.Location(), t.Format("2006-01-02T15:04:05."), t.Format("Z07:00")}
		c.last.Store(s)
	}
	ms := t.Nanosecond() / int(time.Millisecond)
	b = append(b, s.head...)
	b = append(b, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10))
	return append(b, s.zone...)
}
