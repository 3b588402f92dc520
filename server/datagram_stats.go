package server

import (
	"iter"
	"sync/atomic"
)

// DatagramStats is what became of datagrams: every one that is received is answered, or refused for one
// reason, a moment later. A busy socket counts up to 16 of them at a time.
type DatagramStats struct {
	Received uint64
	Sent     uint64
	Refused  DatagramsRefused

	// Dropped are those that the kernel had no room for, so that they were never received. DroppedUnknown tells that there
	// may be more: the system, any but Linux 4.12 or newer, does not say, or a net.PacketConn hides its descriptor.
	Dropped        uint64
	DroppedUnknown bool
}

// DatagramsRefused counts the datagrams that were not answered, by reason.
type DatagramsRefused struct {
	LoopPort   uint64 // from a port that might answer the answer, see Server.ServePacket
	Repeat     uint64 // the same again and again, see Server.ServePacket
	Broadcast  uint64 // from or to the address of many, or of none
	SourceRate uint64 // more than DatagramLimits.PerSource
	Rate       uint64 // more than DatagramLimits.Total
	Oversize   uint64 // larger than any of UDP, and so cut
	Unsent     uint64 // the system did not take the answer, or a client of a Unix socket did not in time
}

// All yields each reason, in the words of the log, with its count.
func (r DatagramsRefused) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		counts := [datagramRefusals]uint64{
			datagramLoopPort: r.LoopPort, datagramRepeat: r.Repeat, datagramBroadcast: r.Broadcast,
			datagramSourceRate: r.SourceRate, datagramRate: r.Rate, datagramOversize: r.Oversize, datagramUnsent: r.Unsent,
		}
		for why := datagramAnswered + 1; why < datagramRefusals; why++ {
			if !yield(why.String(), counts[why]) {
				return
			}
		}
	}
}

// Total returns the sum over all reasons.
func (r DatagramsRefused) Total() uint64 {
	var sum uint64
	for _, n := range r.All() {
		sum += n
	}
	return sum
}

// datagramTotals are the counters behind DatagramStats. Their bytes are in totals.
type datagramTotals struct {
	received atomic.Uint64
	sent     atomic.Uint64
	refused  [datagramRefusals]atomic.Uint64
}

func (t *datagramTotals) stats() DatagramStats {
	return DatagramStats{
		Received: t.received.Load(),
		Sent:     t.sent.Load(),
		Refused: DatagramsRefused{
			LoopPort:   t.refused[datagramLoopPort].Load(),
			Repeat:     t.refused[datagramRepeat].Load(),
			Broadcast:  t.refused[datagramBroadcast].Load(),
			SourceRate: t.refused[datagramSourceRate].Load(),
			Rate:       t.refused[datagramRate].Load(),
			Oversize:   t.refused[datagramOversize].Load(),
			Unsent:     t.refused[datagramUnsent].Load(),
		},
	}
}

// A datagramTally is what a socket has not published yet. One that is busy publishes now and then,
// for it costs as much as all the rest but the system calls.
type datagramTally struct {
	received, sent           uint64
	bytesReceived, bytesSent uint64
}

// publish adds the tally to the counters of the server.
func (d *datagramSocket) publish() {
	if d.tally == (datagramTally{}) {
		return
	}
	d.server.datagrams.received.Add(d.tally.received)
	d.server.datagrams.sent.Add(d.tally.sent)
	d.server.totals.received.Add(d.tally.bytesReceived)
	d.server.totals.sent.Add(d.tally.bytesSent)
	d.tally = datagramTally{}
}
