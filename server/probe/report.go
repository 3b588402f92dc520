package probe

import "time"

// Progress is how far a running Load has come.
type Progress struct {
	Elapsed     time.Duration // since the load began, warm-up included
	Remaining   time.Duration // until it ends
	Connections int           // open now
	Messages    uint64        // so far, without those of the warm-up
	Failures    uint64        // so far, warm-up included
}

// Report is what came of a Load.
type Report struct {
	Remote      string        // the address that was loaded
	Connections int           // that were open when the load began; in mode Connect none are
	Elapsed     time.Duration // measured time, without warm-up

	Messages uint64 // that came back whole and equal in that time
	Bytes    uint64 // in those messages, one way

	// Total is Messages and those that came back during connecting, warm-up
	// and after the end: all that the server had to do.
	Total uint64

	// Unsent is how many messages were due before the end and could not be
	// sent. Always zero without a Rate.
	Unsent uint64

	Failures map[Failure]uint64 // of the whole run; kinds that did not happen are not in it
	Latency  Latency
}

// Latency is a distribution of times; all zero if Count is.
type Latency struct {
	Count                      uint64
	Min, Mean, StdDev, Max     time.Duration
	P50, P90, P99, P999, P9999 time.Duration
}

// MessagesPerSecond is the throughput in messages.
func (r Report) MessagesPerSecond() float64 { return perSecond(r.Messages, r.Elapsed) }

// BytesPerSecond is the throughput in bytes, one way.
func (r Report) BytesPerSecond() float64 { return perSecond(r.Bytes, r.Elapsed) }

// Failed is the sum of all failures.
func (r Report) Failed() uint64 {
	var n uint64
	for _, c := range r.Failures {
		n += c
	}
	return n
}

func perSecond(n uint64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// newReport adds up what the engines have counted.
func newReport(p *plan, engines []engine) Report {
	r := Report{
		Remote:   p.remote.String(),
		Elapsed:  max(0, time.Duration(p.end.Load()-p.measure)),
		Failures: make(map[Failure]uint64),
	}
	all := newLatencies()
	for _, e := range engines {
		t := e.counts()
		r.Connections += int(t.began)
		r.Messages += t.messages.Load()
		r.Total += t.total
		r.Unsent += t.unsent
		for kind, n := range t.failures {
			r.Failures[kind] += n
		}
		all.merge(t.latency)
	}
	r.Bytes = r.Messages * uint64(p.Size)
	r.Latency = all.summary()
	return r
}

// summary is the distribution in figures.
func (l *latencies) summary() Latency {
	if l.h.TotalCount() == 0 {
		return Latency{}
	}
	at := func(percentile float64) time.Duration {
		return time.Duration(min(l.h.ValueAtPercentile(percentile), l.max))
	}
	return Latency{
		Count:  uint64(l.h.TotalCount()),
		Min:    time.Duration(l.min),
		Mean:   time.Duration(l.h.Mean()),
		StdDev: time.Duration(l.h.StdDev()),
		Max:    time.Duration(l.max),
		P50:    at(50),
		P90:    at(90),
		P99:    at(99),
		P999:   at(99.9),
		P9999:  at(99.99),
	}
}

// watch calls Progress each second until endC is closed.
func (l Load) watch(p *plan, engines []engine, endC <-chan struct{}) {
	if l.Progress == nil {
		<-endC
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-endC:
			return
		case <-ticker.C:
			l.Progress(newProgress(p, engines))
		}
	}
}

func newProgress(p *plan, engines []engine) Progress {
	now := p.now()
	g := Progress{
		Elapsed:   time.Duration(now - p.start),
		Remaining: max(0, time.Duration(p.end.Load()-now)),
	}
	for _, e := range engines {
		t := e.counts()
		g.Connections += int(t.connections.Load())
		g.Messages += t.messages.Load()
		g.Failures += t.failed.Load()
	}
	return g
}
