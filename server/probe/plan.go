package probe

import (
	"context"
	"math"
	"net"
	"sync/atomic"
	"time"
)

// plan is a Load with everything settled: what its engines go by. Times are
// nanoseconds on a clock of its own, which nobody can set.
type plan struct {
	Load
	stream  bool
	remote  net.Addr
	pattern pattern

	base           time.Time
	start, measure int64        // when the load begins, and when counting begins
	end            atomic.Int64 // when both end; may be brought forward
	grace          atomic.Int64 // how long after the end what is on its way may take
}

// farFuture is a time that is never reached, with room to add to it.
const farFuture = math.MaxInt64 / 2

// plan makes one connection, to see where the address leads, and closes it.
func (l Load) plan(ctx context.Context) (*plan, error) {
	dialCtx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	conn, err := dial(dialCtx, l.Network, l.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	p := &plan{
		Load:    l,
		stream:  isStream(l.Network),
		remote:  conn.RemoteAddr(),
		pattern: newPattern(),
		base:    time.Now(),
		start:   farFuture,
		measure: farFuture,
	}
	p.end.Store(farFuture)
	p.grace.Store(int64(l.Timeout))
	return p, nil
}

// now is the time on the plan's clock.
func (p *plan) now() int64 { return int64(time.Since(p.base)) }

// schedule sets the times, counted from now.
func (p *plan) schedule() {
	p.start = p.now()
	p.measure = p.start + int64(p.WarmUp)
	p.end.Store(p.measure + int64(p.Duration))
}

// cut makes now the end, if it was to be later, and the rest short.
func (p *plan) cut() {
	const short = 500 * time.Millisecond
	p.end.Store(min(p.end.Load(), p.now()))
	p.grace.Store(min(p.grace.Load(), int64(short)))
}

// patience is until when to wait for something that is asked for at time t.
func (p *plan) patience(t int64) int64 { return min(t+int64(p.Timeout), p.last()) }

// last is until when anything may come back.
func (p *plan) last() int64 { return p.end.Load() + p.grace.Load() }

// deadline is patience as of now, for a net.Conn.
func (p *plan) deadline() time.Time { return p.time(p.patience(p.now())) }

// time is the time t on everybody's clock.
func (p *plan) time(t int64) time.Time { return p.base.Add(time.Duration(t)) }

// ended tells whether the load is over, at the time now.
func (p *plan) ended(now int64) bool { return now >= p.end.Load() }

// measures tells whether what is due, or happens, at time t counts. What Idle
// measures comes after its end.
func (p *plan) measures(t int64) bool {
	return t >= p.measure && (p.Mode == Idle || !p.ended(t))
}

// open tells whether the loop is open: each message has its time.
func (p *plan) open() bool { return p.Rate > 0 }

// due is when message number round of a connection is to be sent. Open loop
// only. The connections take turns: number 0 sends its first message at the
// start, number 1 one interval later, and so on.
func (p *plan) due(connection int, round uint64) int64 {
	i := round*uint64(p.Connections) + uint64(connection)
	return p.start + int64(float64(i)*float64(time.Second)/p.Rate)
}
