package control

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestServerSamples: the rates in the status are those of the last minute, without anybody asking
// before.
func TestServerSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.status.UptimeSeconds = 0
		start := time.Now()
		f.server.Controls.Status = func() Status {
			status := f.snapshot()
			uptime := time.Since(start)
			status.UptimeSeconds = uptime.Seconds()
			status.Connections.Accepted = uint64(min(uptime, time.Hour).Seconds()) * 7
			return status
		}
		l := newPipeListener()
		f.serve(l, f.server.Serve)
		for _, want := range []float64{7, 0} {
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := f.server.status().Rates; got.WindowSeconds != 60 || got.ConnectionsPerSecond != want {
				t.Errorf("after %v: %+v, want %v connections a second in 60 s", time.Since(start), got, want)
			}
		}
	})
}
