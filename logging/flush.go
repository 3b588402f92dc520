package logging

import (
	"context"
	"time"
)

// Flush waits until the lines that were logged before are written. It wants no answer of the disk:
// they survive the process, not the loss of power. Where they cannot be written, because the file
// system is full or hangs, Flush returns an error, in the latter case after the timeout; the lines
// still wait then.
func (o *output) Flush(timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), timeout, errStalled)
	defer cancel()
	return o.queue.flush(ctx)
}

func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	end := q.accepted
	q.mu.Unlock()
	for {
		progressC, done, err := q.awaitProgress(end)
		if done || err != nil {
			return err
		}
		select {
		case q.wakeC <- struct{}{}: // or the writer would let some more lines gather
		default:
		}
		select {
		case <-progressC:
		case <-q.doneC:
			return q.closeErr
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitProgress reports whether all lines up to end are written, and why the writer cannot write
// them. The channel is closed when it has tried again.
func (q *queue) awaitProgress(end uint64) (progressC <-chan struct{}, done bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.progressC == nil {
		q.progressC = make(chan struct{})
	}
	return q.progressC, q.accepted-uint64(len(q.pending)+q.inFlight) >= end, q.failure
}

// trying notes that an attempt to write begins.
func (q *queue) trying() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attempt = time.Now()
}

// tried notes what became of it. The lines of the batch are written if that is nil.
func (q *queue) tried(failure error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failure = failure
	switch {
	case failure == nil:
		q.inFlight, q.taken, q.failing = 0, 0, time.Time{}
	case q.failing.IsZero():
		q.failing = q.attempt
	}
	q.attempt = time.Time{}
	if q.progressC != nil {
		close(q.progressC)
		q.progressC = nil
	}
}
