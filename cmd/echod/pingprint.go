package main

import (
	"encoding/json"
	"fmt"
	"time"

	"echod/server/probe"
)

// pingPrinter prints what ping finds out, for people or as JSON.
type pingPrinter struct {
	p      *program
	target string
	pinger probe.Pinger
	json   *json.Encoder // nil for people
	begun  bool          // the first line has been printed
}

// pingReply is a line of JSON for an answer, or for one that did not come.
type pingReply struct {
	Type    string  `json:"type"` // "reply"
	Seq     int     `json:"seq,omitempty"`
	Outcome string  `json:"outcome"`
	Bytes   int     `json:"bytes"`
	RTT     float64 `json:"rtt_seconds,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// pingSummary is the last line of JSON.
type pingSummary struct {
	Type       string  `json:"type"` // "summary"
	Target     string  `json:"target"`
	Bytes      int     `json:"bytes"`
	Sent       int     `json:"sent"`
	Received   int     `json:"received"`
	Lost       int     `json:"lost"`
	Waiting    int     `json:"waiting"`
	Corrupt    int     `json:"corrupt"`
	Late       int     `json:"late"`
	Duplicates int     `json:"duplicates"`
	Loss       float64 `json:"loss"`
	Elapsed    float64 `json:"elapsed_seconds"`
	RTT        *rtt    `json:"rtt_seconds,omitempty"` // not there if nothing came back
}

type rtt struct {
	Min  float64 `json:"min"`
	Avg  float64 `json:"avg"`
	Max  float64 `json:"max"`
	Mdev float64 `json:"mdev"`
}

// begin prints the first line, once: not before something has come of the
// run, as a ping that cannot even connect prints nothing.
func (t *pingPrinter) begin() {
	if t.json == nil && !t.begun {
		fmt.Fprintf(t.p.stdout, "PING %s: %d bytes\n", t.target, t.size())
	}
	t.begun = true
}

func (t *pingPrinter) size() int { return max(t.pinger.Size, 0) }

func (t *pingPrinter) reply(r probe.Reply) {
	t.begin()
	if t.json != nil {
		line := pingReply{Type: "reply", Seq: r.Seq, Outcome: r.Outcome.String(), Bytes: r.Size, RTT: r.RTT.Seconds()}
		if r.Err != nil {
			line.Error = r.Err.Error()
		}
		t.json.Encode(line)
		return
	}
	switch r.Outcome {
	case probe.Received:
		fmt.Fprintf(t.p.stdout, "%d bytes: seq=%d time=%s\n", r.Size, r.Seq, milliseconds(r.RTT))
	case probe.Late, probe.Duplicate:
		fmt.Fprintf(t.p.stdout, "%d bytes: seq=%d time=%s (%s)\n", r.Size, r.Seq, milliseconds(r.RTT), r.Outcome)
	case probe.Lost:
		fmt.Fprintf(t.p.stdout, "seq=%d lost: no answer within %v\n", r.Seq, t.pinger.Timeout)
	default:
		fmt.Fprintf(t.p.stdout, "seq=%d %s: %v\n", r.Seq, r.Outcome, innermost(r.Err))
	}
}

func (t *pingPrinter) end(s probe.Summary) {
	t.begin()
	if t.json != nil {
		line := pingSummary{
			Type: "summary", Target: t.target, Bytes: t.size(),
			Sent: s.Sent, Received: s.Received, Lost: s.Lost(), Waiting: s.Waiting,
			Corrupt: s.Corrupt, Late: s.Late, Duplicates: s.Duplicates,
			Loss: s.Loss(), Elapsed: s.Elapsed.Seconds(),
		}
		if s.Received > 0 {
			line.RTT = &rtt{s.Min.Seconds(), s.Avg.Seconds(), s.Max.Seconds(), s.Mdev.Seconds()}
		}
		t.json.Encode(line)
		return
	}
	fmt.Fprintf(t.p.stdout, "\n--- %s ---\n%d sent, %d received", t.target, s.Sent, s.Received)
	for _, extra := range []struct {
		n    int
		what string
	}{
		{s.Corrupt, "corrupt"},
		{s.Late, "late"},
		{s.Duplicates, "duplicates"},
		{s.Waiting, "on the way when stopped"},
	} {
		if extra.n > 0 {
			fmt.Fprintf(t.p.stdout, ", %d %s", extra.n, extra.what)
		}
	}
	fmt.Fprintf(t.p.stdout, ", %.4g%% loss, %v\n", s.Loss()*100, s.Elapsed.Round(time.Millisecond))
	if s.Received > 0 {
		fmt.Fprintf(t.p.stdout, "round trip min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n",
			inMilliseconds(s.Min), inMilliseconds(s.Avg), inMilliseconds(s.Max), inMilliseconds(s.Mdev))
	}
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.3f ms", inMilliseconds(d)) }

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
