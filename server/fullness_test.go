package server

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A line says that the limit is reached, at most one a second, and one that it is over; the last
// one is true.
func TestFullnessIsTold(t *testing.T) {
	const reached, over = "connection limit reached", "connection limit no longer reached"
	for _, test := range []struct {
		name  string
		run   func(f *fullness)
		times uint64
		want  []string
	}{
		{"once", func(f *fullness) {
			f.reached(3)
			time.Sleep(time.Minute)
			f.over()
		}, 1, []string{reached, over}},
		{"still", func(f *fullness) {
			f.reached(3)
			f.over()
			f.reached(3)
			time.Sleep(time.Minute)
		}, 1, []string{reached}},
		{"in and out", func(f *fullness) {
			for range 1000 {
				f.reached(3)
				time.Sleep(time.Millisecond)
				f.over()
				time.Sleep(time.Millisecond)
			}
		}, 1, []string{reached, over}},
		{"twice", func(f *fullness) {
			f.reached(3)
			f.over()
			time.Sleep(2 * time.Second)
			f.reached(3)
			f.over()
		}, 2, []string{reached, over, reached, over}},
		{"over twice", func(f *fullness) {
			f.over()
			f.reached(3)
			f.over()
			f.over()
		}, 1, []string{reached, over}},
		{"closed", func(f *fullness) {
			f.reached(3)
			f.over()
			f.close()
			f.over()
		}, 1, []string{reached}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := fullness{log: textLogger(&log)}
				test.run(&f)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				var got []string
				for line := range strings.Lines(log.String()) {
					_, msg, _ := strings.Cut(line, `msg="`)
					msg, _, _ = strings.Cut(msg, `"`)
					got = append(got, msg)
				}
				_, times := f.state()
				if strings.Join(got, "|") != strings.Join(test.want, "|") || times != test.times {
					t.Errorf("%d times, %q; want %d, %q", times, got, test.times, test.want)
				}
			})
		})
	}
}

// That the limit is reached is in the log and in the counters, and so is the end of it.
func TestConnectionLimitIsTold(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.MaxConnections = 2
		f.start()
		first := f.dial()
		exchange(t, first, []byte("first"))
		if st := f.server.Stats(); st.AtLimit || st.LimitReached != 0 {
			t.Errorf("below the limit: %+v", st)
		}
		second, third := f.dial(), f.dial()
		exchange(t, second, []byte("second"))
		f.log.await(t, 1, "level=WARN", `msg="connection limit reached"`, "limit=2")
		if st := f.server.Stats(); !st.AtLimit || st.LimitReached != 1 {
			t.Errorf("at the limit: %+v", st)
		}
		first.Close()
		exchange(t, third, []byte("third"))
		second.Close()
		third.Close()
		f.log.await(t, 1, "level=INFO", `msg="connection limit no longer reached"`, "duration=")
		if st := f.server.Stats(); st.AtLimit || st.LimitReached != 1 {
			t.Errorf("when it is over: %+v", st)
		}
	})
}
