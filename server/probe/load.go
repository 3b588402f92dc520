package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Defaults of a Load.
const (
	DefaultLoadSize     = 64
	DefaultLoadDuration = 10 * time.Second
	DefaultLoadTimeout  = 5 * time.Second
)

// maxRate is more than anything answers; each message that is due and not
// sent is counted by itself, and that should not take for ever.
const maxRate = 10e6

// Mode is what the connections of a Load do.
type Mode string

// The modes. Only the first and the third can be used with datagrams.
const (
	// PingPong sends a message, waits for its echo, sends the next. Latency
	// is the time of one message.
	PingPong Mode = "pingpong"

	// Stream sends one message after another as fast as the server takes
	// them and reads at the same time. Without a Rate, latencies are taken of
	// a part of the messages only.
	Stream Mode = "stream"

	// Connect opens a connection, exchanges one message and closes, again
	// and again. Latency is the time of all three. On Linux, connections to
	// an address in 127.0.0.0/8 come from several others there, so that the
	// ports of one do not run out; so they do in every mode if there are
	// more than a few thousand.
	Connect Mode = "connect"

	// Idle opens all connections, exchanges one message on each, keeps them
	// silent for Duration, and exchanges another one to see that they still
	// live. Latency is that of the second message.
	Idle Mode = "idle"
)

// Modes are all of them, in the order to present them in.
func Modes() []Mode { return []Mode{PingPong, Stream, Connect, Idle} }

// Load puts an echo server under load. Network and Address are needed; every
// other field may be zero.
//
// Without a Rate the loop is closed: a connection sends its next message when
// the last one has come back, so that a slow server is asked less often. With
// a Rate the loop is open: every message has its time, latency counts from
// that time and not from when the message could at last be sent, and a
// message that is never sent because its connection is still waiting counts
// with the time it has waited. So no delay of the server goes unseen (there
// is no "coordinated omission").
type Load struct {
	// Network is tcp, udp or unix (also tcp4, tcp6, udp4, udp6).
	Network string

	// Address is HOST:PORT, or the path of a Unix socket.
	Address string

	// Mode is what the connections do. Empty means PingPong.
	Mode Mode

	// Connections is how many there are at the same time. Zero means 1.
	Connections int

	// Size is the length of a message in bytes. Zero means DefaultLoadSize;
	// a negative value means an empty message, which only datagrams can carry.
	Size int

	// Rate is how many messages to send each second over all connections
	// together, up to ten million. Zero means closed loop.
	Rate float64

	// WarmUp is how long the load runs before anything is counted, and
	// Duration how long it runs after that. Zero means no warm-up and
	// DefaultLoadDuration.
	WarmUp, Duration time.Duration

	// Timeout is how long a connection may wait for the next byte it should
	// get, or for being opened. After it a datagram counts as lost and a
	// connection is given up and opened anew. Zero means DefaultLoadTimeout.
	Timeout time.Duration

	// Workers is how many threads make the load where the system lets one
	// thread have many connections (Linux), else it is not used. Zero means
	// one for every two processors: the other half is the server's.
	Workers int

	// Progress, if not nil, is called each second while the load runs, from
	// the goroutine that called Run.
	Progress func(Progress)

	portable bool // a goroutine a connection even where there is something better
}

// Run makes the load and returns what came of it. It returns early if ctx
// ends, with what was measured until then and no error. The error is not nil
// if nothing could be measured: the fields make no sense, or the first
// connection, which Run makes to find out what the address means, did not
// come about: see [IsUnreachable].
func (l Load) Run(ctx context.Context) (Report, error) {
	if err := l.Check(); err != nil {
		return Report{}, err
	}
	l.setDefaults()
	p, err := l.plan(ctx)
	if err != nil {
		return Report{}, err
	}
	engines, err := newEngines(p)
	defer eachEngine(engines, engine.close)
	if err != nil {
		return Report{}, err
	}
	eachEngine(engines, func(e engine) { e.connect(ctx) })
	p.schedule()
	defer whenDone(ctx, func() {
		p.cut()
		eachEngine(engines, engine.wake)
	})()

	endC := make(chan struct{})
	go func() {
		defer close(endC)
		eachEngine(engines, engine.run)
	}()
	l.watch(p, engines, endC)
	return newReport(p, engines), nil
}

// An engine makes the load of some of the connections.
type engine interface {
	// connect opens the connections and returns when each is open or has
	// failed, or when ctx has ended.
	connect(ctx context.Context)

	// run makes the load from the plan's start to its end, and returns when
	// what was on its way then has come back or has been given up.
	run()

	// wake makes a running engine look at the plan's end again.
	wake()

	// counts is what was counted; while run runs, only its atomic part may be read.
	counts() *tally

	// close closes whatever is open.
	close()
}

// eachEngine does one thing to all engines at the same time.
func eachEngine(engines []engine, do func(engine)) {
	var wg sync.WaitGroup
	for _, e := range engines {
		wg.Go(func() { do(e) })
	}
	wg.Wait()
}

// whenDone calls f once ctx has ended, unless it is told before to stop. When
// stop has returned, f does not run, nor will it.
func whenDone(ctx context.Context, f func()) (stop func()) {
	ranC := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ranC)
		f()
	})
	return func() {
		if !cancel() {
			<-ranC
		}
	}
}

// Check tells what about the fields makes no sense, without sending anything.
func (l Load) Check() error {
	if !(l.Rate >= 0 && l.Rate <= maxRate) { // this way round for NaN
		return fmt.Errorf("rate %g: want 0 to %g messages a second", l.Rate, float64(maxRate))
	}
	if l.Connections < 0 || l.WarmUp < 0 || l.Duration < 0 || l.Timeout < 0 || l.Workers < 0 {
		return errors.New("connections, times and workers cannot be negative")
	}
	if err := checkMessage(l.Network, l.Size); err != nil {
		return err
	}
	switch l.Mode {
	case "", PingPong, Connect:
	case Stream, Idle:
		if !isStream(l.Network) {
			return fmt.Errorf("mode %s: datagrams have no connection to fill or to keep", l.Mode)
		}
		if l.Mode == Idle && l.Rate > 0 {
			return errors.New("mode idle sends nothing that could have a rate")
		}
	default:
		return fmt.Errorf("mode %q: want one of %v", l.Mode, Modes())
	}
	return nil
}

func (l *Load) setDefaults() {
	l.Mode = cmp.Or(l.Mode, PingPong)
	l.Connections = cmp.Or(l.Connections, 1)
	l.Size = max(cmp.Or(l.Size, DefaultLoadSize), 0)
	l.Duration = cmp.Or(l.Duration, DefaultLoadDuration)
	l.Timeout = cmp.Or(l.Timeout, DefaultLoadTimeout)
	l.Workers = min(cmp.Or(l.Workers, max(1, runtime.GOMAXPROCS(0)/2)), l.Connections)
}
