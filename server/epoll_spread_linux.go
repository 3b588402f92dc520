package server

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// How many loops? One serves all it can hear of at each turn, and costs as much as a loop in C. A
// second one on a processor that has something else to do, as the peer's side of local connections,
// costs a third of the throughput. So there is one, as long as it has time left. When it has none,
// and a processor has nothing to do, another loop is started and gets half of the clients that keep
// the first one busy; and so on.

const (
	busyWindow = 100 * time.Millisecond // over which it is measured how busy loops are
	fullShare  = 0.9                    // a loop that is busy for more of the time needs help
	freeShare  = 0.5                    // one that is busy for less of the time can help
	freeCores  = 0.5                    // processor time that must be to spare for a loop to help
)

// An idleTime is the time that a loop spends waiting for events. Only the loop writes to it.
type idleTime struct {
	total atomic.Int64 // a time.Duration, without the present wait
	since atomic.Int64 // the start of the present wait, a time.Duration; 0 if the loop works

	window time.Duration // when the loop was last assessed
	before time.Duration // total at that time
}

func (t *idleTime) begin(now time.Duration) { t.since.Store(int64(now)) }

func (t *idleTime) end(now time.Duration) {
	t.total.Store(t.total.Load() + int64(now) - t.since.Load())
	t.since.Store(0)
}

// upTo returns how much there has been at the time now. Any goroutine may call it. If the loop
// begins or ends a wait meanwhile, that wait may be counted twice or not at all.
func (t *idleTime) upTo(now time.Duration) time.Duration {
	total := t.total.Load()
	if since := t.since.Load(); since != 0 {
		total += int64(now) - since
	}
	return time.Duration(total)
}

func (t *idleTime) windowOver(now time.Duration) bool { return now-t.window >= busyWindow }

// share returns which share of the window was idle, and starts the next one.
func (t *idleTime) share(now time.Duration) float64 {
	total := time.Duration(t.total.Load())
	share := float64(total-t.before) / float64(now-t.window)
	t.window, t.before = now, total
	return share
}

// assess notes whether the loop hardly ever waits, and calls for help if so.
func (l *loop) assess() {
	full := l.idleTime.share(l.now) < 1-fullShare
	l.full.Store(full)
	if full {
		select {
		case l.engine.helpC <- struct{}{}:
		default: // another loop has called already
		}
	}
}

// forNewClient returns the loop for a new client: the one that accepts, while it is not full.
func (l *loop) forNewClient() *loop {
	if !l.full.Load() {
		return l
	}
	best := l
	for _, other := range *l.engine.loops.Load() {
		if !other.full.Load() && (best == l || other.load.Load() < best.load.Load()) {
			best = other
		}
	}
	return best
}

// spread gives loops that are full the help of others until ctx is done.
func (e *epollEngine) spread(ctx context.Context) {
	for {
		select {
		case <-e.helpC:
		case <-ctx.Done():
			return
		}
		before := e.usage()
		if !sleep(ctx, busyWindow) {
			return
		}
		e.relieve(e.usage().since(before))
	}
}

// relieve lets one loop help another, if u calls for it.
func (e *epollEngine) relieve(u usage) {
	loops := *e.loops.Load()
	from, to := u.decide(runtime.GOMAXPROCS(0))
	if from < 0 {
		return
	}
	if to == len(loops) {
		l, err := e.start()
		if err != nil {
			return // the clients will have to wait for their turn
		}
		loops = append(loops[:to:to], l)
		e.loops.Store(&loops)
	}
	loops[from].do(func() { loops[from].share(loops[to]) })
}

// share gives half of the clients that were active lately to another loop.
func (l *loop) share(with *loop) {
	give := false
	for c := range l.clients.all {
		if c.stage != stageOpen || c.polled || c.lastActivity() < l.now-busyWindow {
			continue
		}
		if give = !give; give {
			l.handOver(c, with)
		}
	}
}

// handOver gives a client to another loop.
func (l *loop) handOver(c *epollClient, to *loop) {
	l.forget(c)
	setInterest(l.epfd, unix.EPOLL_CTL_DEL, c.fd, 0)
	to.do(func() { to.adopt(c) })
}

// usage is how much processor time there is: what has been used since some time in the
// past, or the shares of the time between two such readings.
type usage struct {
	at    time.Duration
	loops []float64 // busy time of each loop, in seconds or as a share
	free  float64   // of all processors that the process may use; negative if it is not known
}

// usage reads the clocks.
func (e *epollEngine) usage() usage {
	u := usage{at: e.server.now(), free: freeProcessorTime()}
	for _, l := range *e.loops.Load() {
		u.loops = append(u.loops, (u.at - l.idleTime.upTo(u.at)).Seconds())
	}
	return u
}

// since returns the shares of the time since before was read.
func (u usage) since(before usage) usage {
	elapsed := (u.at - before.at).Seconds()
	s := usage{free: -1}
	if u.free >= 0 && before.free >= 0 {
		s.free = (u.free - before.free) / elapsed
	}
	for i := range before.loops {
		s.loops = append(s.loops, (u.loops[i]-before.loops[i])/elapsed)
	}
	return s
}

// decide returns which loop needs help and which is to help, which may be one more than there are,
// given how many processors may be used. from is -1 if there is nothing to be done.
func (u usage) decide(processors int) (from, to int) {
	from, to = 0, 0
	for i, busy := range u.loops {
		if busy > u.loops[from] {
			from = i
		}
		if busy < u.loops[to] {
			to = i
		}
	}
	limit := processors
	if u.free < 0 {
		limit = processors / 2 // the others may have work that is not known
	} else if u.free < freeCores {
		return -1, -1
	}
	switch {
	case u.loops[from] < fullShare:
		return -1, -1
	case u.loops[to] < freeShare:
		return from, to
	case len(u.loops) < limit:
		return from, len(u.loops)
	}
	return -1, -1
}

// freeProcessorTime returns for how many seconds the processors that this process may use have had
// nothing to do so far, or -1 if that cannot be known: there may be no /proc.
func freeProcessorTime() float64 {
	const ticks = 100 // a second; USER_HZ, the same on all of Linux but for Alpha and Itanium
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return -1
	}
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		return -1
	}
	free := 0
	for line := range bytes.Lines(stat) {
		name, rest, _ := bytes.Cut(line, []byte(" "))
		cpu, err := strconv.Atoi(string(bytes.TrimPrefix(name, []byte("cpu"))))
		if err != nil || !mine.IsSet(cpu) {
			continue
		}
		for i, field := range bytes.Fields(rest) {
			if i == 3 || i == 4 { // idle, iowait
				n, _ := strconv.Atoi(string(field))
				free += n
			}
		}
	}
	return float64(free) / ticks
}
