package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// errUnasked is the fault of a server that sends what it was not sent.
var errUnasked = errors.New("came back without having been sent")

// pingRun is one call of Pinger.Run. The calling goroutine owns it; a reader
// goroutine per connection hands it what arrives.
type pingRun struct {
	Pinger
	stream   bool
	payloads payloads
	arrivedC chan arrival
	each     func(Reply)

	wire    *wire // nil while there is no connection
	flights flights
	trips   roundTrips
	summary Summary
	lastErr error // of the last message that failed because nobody listens
}

func (r *pingRun) run(ctx context.Context) (Summary, error) {
	begin := time.Now()
	if err := r.connect(ctx); err != nil {
		return Summary{}, err
	}
	r.loop(ctx)
	r.hangUp()

	r.summary.Waiting = r.flights.waiting
	r.summary.Elapsed = time.Since(begin)
	r.trips.into(&r.summary)
	if s := r.summary; r.lastErr != nil && s.Received+s.Corrupt+s.Late == 0 {
		return r.summary, fmt.Errorf("ping %s: %w", r.Address, r.lastErr)
	}
	return r.summary, nil
}

// loop sends and receives until everything is answered or ctx ends.
func (r *pingRun) loop(ctx context.Context) {
	ticker := time.NewTicker(r.Interval)
	defer ticker.Stop()
	expiry := time.NewTimer(0)
	defer expiry.Stop()

	tickC := ticker.C
	for r.send(ctx); ctx.Err() == nil; {
		if r.Count > 0 && r.summary.Sent == r.Count {
			if r.flights.waiting == 0 {
				return
			}
			tickC = nil
		}
		expiryC := expiry.C
		if f := r.flights.oldest(); f != nil {
			expiry.Reset(time.Until(f.sentAt.Add(r.Timeout)))
		} else {
			expiryC = nil
		}
		select {
		case <-ctx.Done():
		case <-tickC:
			r.send(ctx)
		case a := <-r.arrivedC:
			if a.wire == r.wire {
				r.arrived(a)
			}
		case <-expiryC:
			f := r.flights.oldest()
			r.flights.conclude(f, true)
			r.report(Reply{Seq: f.seq, Outcome: Lost})
		}
	}
}

// send sends the next message, over a new connection if the last one broke.
func (r *pingRun) send(ctx context.Context) {
	r.summary.Sent++
	seq := r.summary.Sent
	if r.wire == nil {
		if err := r.connect(ctx); err != nil {
			if ctx.Err() != nil {
				r.summary.Sent--
				return
			}
			r.fail(seq, err)
			return
		}
	}
	r.flights.prune()
	r.flights.launch(seq, time.Now())
	err := r.wire.write(ctx, r.payloads.message(seq), r.Timeout)
	if !r.stream && errors.Is(err, syscall.ECONNREFUSED) {
		// The refusal of an earlier datagram came to light; this one was not sent.
		r.refused(err, seq)
		err = r.wire.write(ctx, r.payloads.message(seq), r.Timeout)
	}
	if err != nil && ctx.Err() == nil {
		r.broken(err)
	}
}

// arrived finds out which message an answer belongs to, and what it is worth.
func (r *pingRun) arrived(a arrival) {
	switch {
	case a.err != nil && !r.stream && errors.Is(a.err, syscall.ECONNREFUSED):
		r.refused(a.err, 0)
		return
	case a.err != nil:
		r.broken(a.err)
		return
	}
	f := r.answered(a.data)
	reply := Reply{Size: len(a.data)}
	if f == nil {
		reply.Outcome, reply.Err = Corrupt, errUnasked
		r.report(reply)
		return
	}
	reply.Seq, reply.RTT = f.seq, a.at.Sub(f.sentAt)
	reply.Err = r.payloads.verify(a.data, f.seq)
	switch {
	case reply.Err != nil:
		reply.Outcome = Corrupt
	case f.waiting:
		reply.Outcome = Received
		r.trips.add(reply.RTT)
	case f.gaveUp:
		reply.Outcome = Late
	default:
		reply.Outcome = Duplicate
	}
	f.gaveUp = false
	r.flights.conclude(f, false)
	r.report(reply)
}

// answered is the flight that data answers: on a stream the next in order,
// else the one that data names, or failing that the one longest waiting.
func (r *pingRun) answered(data []byte) *flight {
	if r.stream {
		return r.flights.shift()
	}
	f := r.flights.find(func(seq int) bool { return r.payloads.names(data, seq) })
	if f == nil {
		f = r.flights.oldest()
	}
	return f
}

// refused charges the refusal of a datagram to the oldest one on its way that
// is not except: the system does not say which one was refused.
func (r *pingRun) refused(err error, except int) {
	if f := r.flights.oldest(); f != nil && f.seq != except {
		r.flights.conclude(f, true)
		r.fail(f.seq, err)
	}
}

// broken gives up the connection and all messages on it.
func (r *pingRun) broken(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("connection closed by the server")
	}
	r.hangUp()
	for f := r.flights.oldest(); f != nil; f = r.flights.oldest() {
		r.flights.conclude(f, true)
		r.fail(f.seq, err)
	}
	r.flights = flights{}
}

func (r *pingRun) fail(seq int, err error) {
	if IsUnreachable(err) {
		r.lastErr = err
	}
	r.report(Reply{Seq: seq, Outcome: Failed, Err: err})
}

// report counts a reply and passes it on.
func (r *pingRun) report(reply Reply) {
	switch reply.Outcome {
	case Received:
		r.summary.Received++
	case Corrupt:
		r.summary.Corrupt++
	case Late:
		r.summary.Late++
	case Duplicate:
		r.summary.Duplicates++
	}
	if r.each != nil {
		r.each(reply)
	}
}

func (r *pingRun) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	conn, err := dial(ctx, r.Network, r.Address)
	if err != nil {
		return err
	}
	r.wire = &wire{conn: conn, doneC: make(chan struct{}), hungUpC: make(chan struct{})}
	go r.wire.read(r.stream, r.Size, r.arrivedC)
	return nil
}

func (r *pingRun) hangUp() {
	if r.wire != nil {
		r.wire.close()
		r.wire = nil
	}
}
