package server

// DatagramStats is what became of datagrams: every one that is received is answered, or refused for
// one reason, a moment later; but that discard, and a PacketHandler that has no answer, do neither.
// A busy socket counts up to 16 of them at a time.
type DatagramStats struct {
	Received uint64
	Sent     uint64
	Refused  Refusals

	// Dropped is the number of datagrams that the kernel had no room for, so that they were
	// never received. DroppedUnknown tells that there may be more: the system, any but Linux
	// 4.12 or newer, does not say, or a net.PacketConn hides its descriptor.
	Dropped        uint64
	DroppedUnknown bool
}

// A datagramTally is what a socket has not published yet. One that is busy publishes now and then,
// for it costs as much as all the rest but the system calls.
type datagramTally struct {
	received, sent           uint64
	bytesReceived, bytesSent uint64
}

// publish adds the tally to the counters of the service.
func (d *datagramSocket) publish() {
	if d.tally == (datagramTally{}) {
		return
	}
	totals := &d.service.totals
	totals.datagramsReceived.Add(d.tally.received)
	totals.datagramsSent.Add(d.tally.sent)
	totals.received.Add(d.tally.bytesReceived)
	totals.sent.Add(d.tally.bytesSent)
	d.tally = datagramTally{}
}
