package logging

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// defaultBufferSize is enough for 6000 activity lines.
	defaultBufferSize = 1 << 20

	// batchSize is how much may gather until it is written ahead of time:
	// larger writes are no cheaper by the byte.
	batchSize = 64 << 10
)

// ErrDropped is what a handler's Handle returns for a line that found no place
// in the buffer, or came after Close. A [slog.Logger] ignores it.
var ErrDropped = errors.New("logging: line dropped")

// queue takes lines from loggers without ever making them wait, and has one
// goroutine, the writer, pass them on in the same order.
type queue struct {
	size     int
	batch    int           // batchSize, or less in a small queue
	doneC    chan struct{} // closed when the writer has ended
	stopC    chan struct{} // closed by close
	wakeC    chan struct{} // of one element: there is reason to look at the queue
	changeC  chan func() bool
	closeErr error // why lines were left unwritten; set before doneC is closed

	mu       sync.Mutex
	pending  []byte // whole lines that the writer has not taken yet
	inFlight int    // bytes that it has taken and not yet written
	accepted uint64 // bytes, of all lines so far that were not dropped
	dropped  uint64
	reported uint64 // how many of the dropped the log already tells of
	closed   bool

	lines     int           // in pending
	taken     int           // lines of the batch that is being written
	attempt   time.Time     // when the attempt to write that is under way began, or zero
	failing   time.Time     // when the first of the attempts began that have failed, or zero
	failure   error         // of the last attempt to write
	progressC chan struct{} // closed after the next attempt; nil when nothing waits for it
}

// newQueue starts a queue of size bytes (0: [defaultBufferSize]) whose writer
// passes lines on to w and leaves at least interval between two writes unless
// a batch has gathered. notice makes the line about dropped lines.
func newQueue(size int, interval time.Duration, w sink, notice func(dropped uint64) []byte) *queue {
	if size <= 0 {
		size = defaultBufferSize
	}
	q := &queue{
		size:    size,
		batch:   min(batchSize, size/4),
		doneC:   make(chan struct{}),
		stopC:   make(chan struct{}),
		wakeC:   make(chan struct{}, 1),
		changeC: make(chan func() bool),
	}
	go (&writer{queue: q, sink: w, interval: interval, notice: notice}).run()
	return q
}

// put appends a line, which ends in a newline, or counts it as dropped.
func (q *queue) put(line []byte) error {
	q.mu.Lock()
	fits := !q.closed && q.inFlight+len(q.pending)+len(line) <= q.size
	before := len(q.pending)
	if fits {
		q.pending = append(q.pending, line...)
		q.accepted += uint64(len(line))
		q.lines++
	} else {
		q.dropped++
	}
	q.mu.Unlock()

	// The writer is woken for the first line of a batch, or to tell that it
	// was dropped, and when the batch is complete.
	if before == 0 || before < q.batch && before+len(line) >= q.batch {
		select {
		case q.wakeC <- struct{}{}:
		default:
		}
	}
	if !fits {
		return ErrDropped
	}
	return nil
}

// batchComplete reports whether there is enough to write ahead of time.
func (q *queue) batchComplete() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending) >= q.batch
}

// swap gives the pending lines to the writer in exchange for an empty buffer,
// and the number of lines that were dropped since the last swap.
func (q *queue) swap(spare []byte) (batch []byte, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.pending = q.pending, spare[:0]
	q.inFlight = len(batch)
	q.taken, q.lines = q.lines, 0
	dropped, q.reported = q.dropped-q.reported, q.dropped
	return batch, dropped
}

// abandon counts as dropped all lines that were accepted and never written:
// those of rest, and those that are still pending. It returns their number.
func (q *queue) abandon(rest []byte) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := bytes.Count(rest, newline) + bytes.Count(q.pending, newline)
	q.dropped += uint64(lines)
	return lines
}

// Dropped returns the number of lines dropped so far.
func (q *queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// change has the writer run f between two writes, and returns when it begins.
// f returns whether it has changed what the sink writes to.
func (q *queue) change(ctx context.Context, f func() bool) error {
	select {
	case q.changeC <- f:
		return nil
	case <-q.doneC:
		return os.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close drops all lines from now on and waits until those before are written.
// It waits no longer than timeout, for a file system may hang; the writer then
// stays behind.
func (q *queue) close(timeout time.Duration) error {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	if first {
		close(q.stopC)
	}

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-q.doneC:
		return q.closeErr
	case <-timer.C:
		return errStalled
	}
}
