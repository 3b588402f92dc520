package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stubSink records what is written and when, and can hang or fail.
type stubSink struct {
	start time.Time

	mu     sync.Mutex
	gateC  chan struct{} // if set, a write waits for it to be closed
	err    error         // if set, a write fails after half of what it was given
	writes []string      // "TIME SINCE start: TEXT"
	text   bytes.Buffer
	closed bool
}

func newStubSink() *stubSink { return &stubSink{start: time.Now()} }

func (s *stubSink) write(lines []byte) (int, error) {
	s.mu.Lock()
	gateC := s.gateC
	s.mu.Unlock()
	if gateC != nil {
		<-gateC
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		lines = lines[:len(lines)/2]
	}
	s.writes = append(s.writes, fmt.Sprintf("%v: %s", time.Since(s.start), lines))
	s.text.Write(lines)
	return len(lines), s.err
}

func (s *stubSink) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// hang makes writes wait until the function that it returns is called.
func (s *stubSink) hang() (release func()) {
	c := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateC = c
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gateC = nil
		close(c)
	}
}

func (s *stubSink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *stubSink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func notice(dropped uint64) []byte { return fmt.Appendf(nil, "dropped %d\n", dropped) }

func checkWrites(t *testing.T, s *stubSink, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.writes); diff != "" {
		t.Error(diff)
	}
}

// After a pause, a line is written at once. What comes within the interval
// after it is written together at its end.
func TestQueuePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		q := newQueue(0, 100*time.Millisecond, s, notice)
		put := func(line string) {
			if err := q.put([]byte(line + "\n")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		put("a")
		time.Sleep(30 * time.Millisecond)
		put("b")
		time.Sleep(30 * time.Millisecond)
		put("c")
		time.Sleep(time.Hour)
		put("d")
		put("e")
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
		checkWrites(t, s, "0s: a\n", "100ms: b\nc\n", "1h0m0.06s: d\n", "1h0m0.06s: e\n")
	})
}

// A batch that is complete is not kept waiting.
func TestQueueBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		q := newQueue(400, time.Hour, s, notice) // a batch is 100 bytes
		line := strings.Repeat("x", 49) + "\n"
		for range 5 {
			if err := q.put([]byte(line)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		checkWrites(t, s, "0s: "+line, "0s: "+line+line, "0s: "+line+line)
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// While a write hangs, lines are taken until the buffer is full and dropped
// then. When it goes on, all that were taken are written, and after them how
// many were not.
func TestQueueDropsWhileHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		release := s.hang()
		q := newQueue(40, 0, s, notice)
		var want strings.Builder
		for i := range 10 {
			line := fmt.Sprintf("line %03d\n", i) // 9 bytes
			err := q.put([]byte(line))
			if i < 4 {
				want.WriteString(line)
			}
			if (i < 4) != (err == nil) || i >= 4 && !errors.Is(err, ErrDropped) {
				t.Errorf("line %d: %v", i, err)
			}
			synctest.Wait()
		}
		if q.Dropped() != 6 {
			t.Errorf("%d lines dropped", q.Dropped())
		}
		release()
		synctest.Wait()
		want.WriteString("dropped 6\n")
		if diff := cmp.Diff(want.String(), s.String()); diff != "" {
			t.Error(diff)
		}
		all := strings.Repeat("x", 39) + "\n" // there is place for 40 bytes again
		if err := q.put([]byte(all)); err != nil {
			t.Error(err)
		}
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
		if got := s.String(); got != want.String()+all {
			t.Errorf("in the end %q", got)
		}
		if q.Dropped() != 6 {
			t.Errorf("%d lines dropped", q.Dropped())
		}
	})
}

// A line that the buffer could never hold is told of although no other comes.
func TestQueueDropsOversized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		q := newQueue(40, time.Second, s, notice)
		if err := q.put(make([]byte, 41)); !errors.Is(err, ErrDropped) {
			t.Error(err)
		}
		synctest.Wait()
		checkWrites(t, s, "0s: dropped 1\n")
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// A write that fails half way is gone on with, at intervals.
func TestQueueRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		s.fail(errors.New("disk full"))
		q := newQueue(0, 0, s, notice)
		if err := q.put([]byte("1234567\n")); err != nil {
			t.Error(err)
		}
		time.Sleep(300 * time.Millisecond)
		s.fail(nil)
		time.Sleep(time.Second)
		checkWrites(t, s, "0s: 1234", "200ms: 56", "400ms: 7\n")
		if q.Dropped() != 0 {
			t.Errorf("%d lines dropped", q.Dropped())
		}
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// What cannot be written when the queue is closed is counted, and said.
func TestQueueCloseWhileFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		cause := errors.New("disk full")
		s.fail(cause)
		q := newQueue(0, 0, s, notice)
		for i := range 3 {
			if err := q.put(fmt.Appendf(nil, "%d\n", i)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		err := q.close(time.Hour)
		if !errors.Is(err, cause) || err.Error() != "3 lines lost: disk full" {
			t.Errorf("error is %v", err)
		}
		if q.Dropped() != 3 || !s.closed {
			t.Errorf("%d lines dropped; sink closed: %v", q.Dropped(), s.closed)
		}
	})
}

// Closing waits for a file system that hangs, but not for ever; a line after
// it is dropped.
func TestQueueCloseWhileHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		release := s.hang()
		q := newQueue(0, 0, s, notice)
		if err := q.put([]byte("line\n")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		start := time.Now()
		if err := q.close(2 * time.Second); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if err := q.put([]byte("late\n")); !errors.Is(err, ErrDropped) || q.Dropped() != 1 {
			t.Errorf("error is %v, %d lines dropped", err, q.Dropped())
		}
		release()
		if err := q.close(time.Second); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if s.String() != "line\ndropped 1\n" {
			t.Errorf("written: %q", s)
		}
	})
}

// A sink is changed between two writes, at once also while writing fails; the line that was begun
// is then written anew, if there was something to change. While a write hangs, or after close,
// there is no change.
func TestQueueChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		s.fail(errors.New("disk full"))
		q := newQueue(0, 0, s, notice)
		if err := q.put([]byte("aa\nbbbbbb\n")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := q.change(t.Context(), func() bool { return false }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := q.change(t.Context(), func() bool { s.fail(nil); return true }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		checkWrites(t, s, "0s: aa\nbb", "0s: bb", "0s: bbbbbb\n")

		release := s.hang()
		if err := q.put([]byte("c\n")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errStalled)
		defer cancel()
		if err := q.change(ctx, func() bool { t.Error("changed"); return true }); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		release()
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
		if err := q.change(t.Context(), func() bool { t.Error("changed"); return true }); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error is %v", err)
		}
	})
}

// A buffer that grew while writing hung is given back later.
func TestQueueShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		release := s.hang()
		q := newQueue(0, 0, s, notice)
		line := append(make([]byte, 9999), '\n')
		for q.put(line) == nil {
		}
		release()
		for range 3 {
			synctest.Wait()
			if err := q.put(line); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if n := cap(q.pending); n > spareSize {
			t.Errorf("buffer of %d bytes kept", n)
		}
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// Each line is either written, once and in the order of its logger, or counted.
func TestQueueAccounts(t *testing.T) {
	const loggers, each = 4, 5000
	s := newStubSink()
	q := newQueue(2000, 0, s, notice)
	var wg sync.WaitGroup
	for logger := range loggers {
		wg.Go(func() {
			for i := range each {
				_ = q.put(fmt.Appendf(nil, "%d %d\n", logger, i))
			}
		})
	}
	wg.Wait()
	if err := q.close(deadline); err != nil {
		t.Fatal(err)
	}

	written, told := 0, uint64(0)
	last := [loggers]int{-1, -1, -1, -1}
	for line := range strings.Lines(s.String()) {
		var n uint64
		if _, err := fmt.Sscanf(line, "dropped %d\n", &n); err == nil {
			told += n
			continue
		}
		var logger, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &logger, &i); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if i <= last[logger] {
			t.Errorf("line %d of logger %d after %d", i, logger, last[logger])
		}
		last[logger] = i
		written++
	}
	if written+int(q.Dropped()) != loggers*each || told != q.Dropped() {
		t.Errorf("%d lines written, %d dropped, %d told of, of %d", written, q.Dropped(), told, loggers*each)
	}
}
