package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Defaults of a Pinger; size and interval are those of ping(8).
const (
	DefaultPingSize     = 56
	DefaultPingInterval = time.Second
	DefaultPingTimeout  = time.Second
)

// Pinger sends one message after another to an echo server and times the
// answers. Network and Address are needed; every other field may be zero.
type Pinger struct {
	// Network is tcp, udp or unix (also tcp4, tcp6, udp4, udp6).
	Network string

	// Address is HOST:PORT, or the path of a Unix socket.
	Address string

	// Count is how many messages to send; zero means until the context ends.
	Count int

	// Interval is the time from one message to the next, whether the
	// first has been answered or not. Zero means DefaultPingInterval.
	Interval time.Duration

	// Timeout is how long a message may be on its way until it counts as
	// lost, and how long connecting may take. Zero means DefaultPingTimeout.
	Timeout time.Duration

	// Size is the length of a message in bytes. Zero means DefaultPingSize;
	// a negative value means an empty message, which only datagrams can carry.
	Size int
}

// Outcome is what became of one message.
type Outcome uint8

// The outcomes. Each message has exactly one of the first four, unless the
// context ended while it was on its way; Late and Duplicate come on top.
const (
	Received  Outcome = iota // came back whole and equal, in time
	Lost                     // did not come back in time
	Corrupt                  // something else came back
	Failed                   // could not be sent, or the connection broke
	Late                     // came back after it had been given up
	Duplicate                // came back once more
)

// String is the outcome in one lower-case word.
func (o Outcome) String() string {
	names := [...]string{"received", "lost", "corrupt", "failed", "late", "duplicate"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Reply reports the outcome of one message.
type Reply struct {
	Seq     int // 1 for the first message; 0 for an answer to nothing that was sent
	Outcome Outcome
	Size    int           // bytes that came back
	RTT     time.Duration // from just before sending to the last byte; zero unless something came back
	Err     error         // why, if Corrupt or Failed
}

// Run pings until Count messages have been sent and each has been answered or
// given up, or until ctx ends, which is no error. It calls each, if that is
// not nil, for every Reply, always from the calling goroutine.
//
// A connection that breaks costs the messages that were on it; the next
// message goes over a new one. The error is not nil if the Pinger's fields
// make no sense, if the first connection could not be made, or if nothing came
// back at all and there was a reason to think that nobody listens: see
// [IsUnreachable].
func (p Pinger) Run(ctx context.Context, each func(Reply)) (Summary, error) {
	if err := p.Check(); err != nil {
		return Summary{}, err
	}
	p.setDefaults()
	r := &pingRun{
		Pinger:   p,
		stream:   isStream(p.Network),
		payloads: payloads{nonce: rand.Uint64(), size: p.Size},
		arrivedC: make(chan arrival, 16),
		each:     each,
	}
	return r.run(ctx)
}

// Check tells what about the fields makes no sense, without sending anything.
func (p Pinger) Check() error {
	if p.Count < 0 || p.Interval < 0 || p.Timeout < 0 {
		return errors.New("count, interval and timeout cannot be negative")
	}
	return checkMessage(p.Network, p.Size)
}

func (p *Pinger) setDefaults() {
	p.Interval = cmp.Or(p.Interval, DefaultPingInterval)
	p.Timeout = cmp.Or(p.Timeout, DefaultPingTimeout)
	p.Size = max(cmp.Or(p.Size, DefaultPingSize), 0)
}
