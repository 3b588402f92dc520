package logging

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Flush returns when the lines before it are written, and does not wait for more to gather.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		o := output{queue: newQueue(0, time.Hour, s, notice)}
		for _, line := range []string{"a\n", "b\n"} {
			_ = o.queue.put([]byte(line))
			synctest.Wait() // the second line is to find the writer waiting for others
		}
		if err := o.Flush(time.Minute); err != nil {
			t.Error(err)
		}
		if err := o.Flush(time.Minute); err != nil {
			t.Errorf("without a line: %v", err)
		}
		checkWrites(t, s, "0s: a\n", "0s: b\n")
		if err := o.queue.close(time.Second); err != nil {
			t.Error(err)
		}
		if err := o.Flush(time.Minute); err != nil {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Flush gives up at the timeout if the file system hangs, and at once if it is full. The lines wait
// on.
func TestFlushGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		o := output{queue: newQueue(0, 0, s, notice)}
		begin := time.Now()
		release := s.hang()
		_ = o.queue.put([]byte("one\n"))
		if err := o.Flush(time.Minute); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		s.fail(syscall.ENOSPC)
		release()
		synctest.Wait()
		begin = time.Now()
		if err := o.Flush(time.Minute); !errors.Is(err, syscall.ENOSPC) || time.Since(begin) != 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		s.fail(nil)
		time.Sleep(retryDelay)
		synctest.Wait()
		if err := o.Flush(time.Minute); err != nil {
			t.Error(err)
		}
		if err := o.queue.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}
