package logging

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A log that cannot be written says since when, why, and how many lines wait, until it can be.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		q := newQueue(0, 0, s, notice)
		begin := time.Now()
		put := func() {
			_ = q.put([]byte("line\n"))
			synctest.Wait()
		}
		want := func(since time.Duration, lines int, err error) {
			t.Helper()
			got := q.trouble()
			if got == nil || got.Since.Sub(begin) != since || got.Lines != lines || !errors.Is(got.Err, err) {
				t.Errorf("got %+v, want since %v, %d lines, %v", got, since, lines, err)
			}
		}
		none := func() {
			t.Helper()
			if got := q.trouble(); got != nil {
				t.Errorf("got %+v, want none", got)
			}
		}
		put()
		none()
		time.Sleep(time.Minute)
		s.fail(syscall.ENOSPC)
		put()
		want(time.Minute, 1, syscall.ENOSPC)
		time.Sleep(time.Minute)
		put()
		put()
		want(time.Minute, 3, syscall.ENOSPC)
		s.fail(nil)
		time.Sleep(retryDelay)
		synctest.Wait()
		none()

		begin = time.Now()
		release := s.hang()
		put()
		put()
		none()
		time.Sleep(stallTime)
		want(0, 2, os.ErrDeadlineExceeded)
		release()
		synctest.Wait()
		none()
		if err := q.close(time.Second); err != nil {
			t.Error(err)
		}
	})
}
