package daemonize

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Many starts race with one another and with stops. At no moment are there two daemons, and at
// the end there are none, or one.
func TestStartStopRace(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "be alone", Words: t.TempDir(), Leash: leash.address(), Daemon: inDirectory(t)}
	ctx, cancel := context.WithCancel(t.Context())
	stopsC := make(chan int)
	go func() {
		stops := 0
		for ctx.Err() == nil {
			_, err := Stop{}.Stop(ctx, p.Daemon.PidFile)
			var stale *StaleError
			switch {
			case err == nil:
				stops++
			case errors.Is(err, ErrNotRunning), errors.As(err, &stale), ctx.Err() != nil:
			default:
				t.Errorf("stop: %v", err)
			}
		}
		stopsC <- stops
	}()
	starts := 0
	for range 5 {
		var wave []*launching
		for range 10 {
			wave = append(wave, launch(t, command(t, p)))
		}
		for _, l := range wave {
			r := l.wait()
			switch {
			case r.exit == 0:
				starts++
			case r.exit == exitRunning && r.Running.Ready:
			case r.exit == 1 && strings.Contains(r.Error, "signal: terminated"):
			default:
				t.Errorf("start: %v", r)
			}
		}
	}
	cancel()
	t.Logf("%d starts, %d stops", starts, <-stopsC)
	if _, err := (Stop{}).Stop(t.Context(), p.Daemon.PidFile); err != nil && !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	removed(t, p.Daemon.PidFile)
	leash.listener.Close()
	for d := range leash.joinedC {
		for said := range d.lineC {
			t.Errorf("pid %d: %v", d.Pid, said)
		}
	}
}
