package logging

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

const (
	// retryDelay is the time between two attempts while writing fails.
	retryDelay = 200 * time.Millisecond

	// spareSize is how large a buffer may be that is kept in quiet times. A
	// larger one is left over from a rush, or from when writing failed.
	spareSize = 4 * batchSize
)

// errStalled says that a file system, or who else takes the lines, hangs.
var errStalled = fmt.Errorf("no answer in time: %w", os.ErrDeadlineExceeded)

// sink is where the writer writes to.
type sink interface {
	// write writes lines, one or more, all whole, and returns how many bytes
	// need not be written again. On an error it may be in the middle of a
	// line; the next call then begins with the rest of it.
	write(lines []byte) (int, error)
	close() error
}

// writer is the one goroutine that writes what has gathered in a queue.
type writer struct {
	*queue
	sink     sink
	interval time.Duration
	notice   func(dropped uint64) []byte

	taken []byte    // the batch that is being written
	rest  []byte    // the end of it that is not written yet
	last  time.Time // when the batch before was written
}

// run waits for lines, lets some more gather, and writes them, until the queue
// is closed.
func (w *writer) run() {
	defer close(w.doneC)
	for w.wait(nil, w.wakeC) && w.gather() && w.flush() {
	}
	w.finish()
}

// gather returns when the next batch may be written, false when the queue was
// closed meanwhile.
func (w *writer) gather() bool {
	pause := w.interval - time.Since(w.last)
	if pause <= 0 || w.batchComplete() {
		return true
	}
	// This ends early when the batch is complete, and for a change of the
	// sink, where it does no harm.
	return w.wait(time.After(pause), w.wakeC)
}

// flush writes all pending lines. While that fails it tries again and again;
// false means that the queue was closed meanwhile.
func (w *writer) flush() bool {
	w.take()
	for len(w.rest) > 0 {
		if w.write() != nil && !w.wait(time.After(retryDelay), nil) {
			return false
		}
	}
	return true
}

// wait waits for an event of one of the two channels and returns true, or for
// the end of the queue and returns false. A change of the sink is made at once
// and ends the waiting, for writing may work now.
func (w *writer) wait(timeC <-chan time.Time, wakeC <-chan struct{}) bool {
	select {
	case <-timeC:
	case <-wakeC:
	case change := <-w.changeC:
		if change() {
			// A line that was begun before is whole only if it is begun anew.
			done := len(w.taken) - len(w.rest)
			w.rest = w.taken[bytes.LastIndexByte(w.taken[:done], '\n')+1:]
		}
	case <-w.stopC:
		return false
	}
	return true
}

// take makes the pending lines the batch to write, with a line about those
// that were dropped after them.
func (w *writer) take() {
	var dropped uint64
	w.taken, dropped = w.swap(w.taken)
	if dropped > 0 {
		w.taken = append(w.taken, w.notice(dropped)...)
	}
	w.rest = w.taken
}

// write passes on the rest of the batch.
func (w *writer) write() error {
	if len(w.rest) == 0 {
		return nil
	}
	w.trying()
	n, err := w.sink.write(w.rest)
	w.rest = w.rest[n:]
	if err != nil {
		w.tried(err)
		return err
	}
	w.last = time.Now()
	if len(w.taken) < w.batch && cap(w.taken) > spareSize {
		w.taken = nil
	}
	w.taken = w.taken[:0]
	w.rest = w.taken
	w.tried(nil)
	return nil
}

// finish writes what is left when the queue is closed. It tries once: whoever
// ends a process does not wait for a disk to have space again.
func (w *writer) finish() {
	err := w.write()
	if err == nil {
		w.take()
		err = w.write()
	}
	if err != nil {
		lost := w.abandon(w.rest)
		w.closeErr = fmt.Errorf("%d lines lost: %w", lost, err)
	}
	if err := w.sink.close(); w.closeErr == nil {
		w.closeErr = err
	}
}
