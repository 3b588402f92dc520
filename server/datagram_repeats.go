package server

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"time"
)

// What an exchange without end between two servers looks like to either: the same payload comes
// from the same address and port, each time soon after it was sent there.
const (
	repeatsMax      = 1000                   // answers to it before there is none
	repeatsMaxShort = 100_000                // if it has so few bytes that clients cannot help sending it again
	repeatsMaxEmpty = 10_000_000             // if it has none
	shortPayload    = 2                      // bytes
	repeatsWithin   = 200 * time.Millisecond // if the next one takes longer it counts as the first
	repeatsSilence  = time.Second            // for which there is no answer then
)

// Payloads are kept in sets of a few, one of which a payload belongs to, as many as share a cache
// line.
const (
	repeatSets    = 256
	repeatsPerSet = 4
)

// datagramRepeats is the brake behind the rule about ports, for servers on other machines, at any
// port. One second without an answer ends an exchange for good. It is not meant to be met by
// clients, which wait between two datagrams, or number them.
//
// A payload that is rare among many others may be forgotten between two arrivals: the exchange goes
// on, at a rate that is small beside theirs, until they are fewer. So it does if its way there and
// back takes longer than repeatsWithin, at less than five datagrams a second.
type datagramRepeats struct {
	seed maphash.Seed
	sets *[repeatSets][repeatsPerSet]repeat // nil before the first datagram
}

// A repeat is a payload from an address and port.
type repeat struct {
	hash  uint64        // of all three
	count uint32        // above the maximum: there is no answer
	last  repeatsMoment // when it came; when there was no answer for the first time
}

// A repeatsMoment is in milliseconds, from any moment. After 49 days it begins again, which may
// count one datagram wrong.
type repeatsMoment uint32

func newDatagramRepeats() datagramRepeats {
	return datagramRepeats{seed: maphash.MakeSeed()}
}

// tooMany counts a datagram that came at the time now, and tells whether it has come too often to
// be answered.
func (r *datagramRepeats) tooMany(now time.Duration, payload []byte, from netip.AddrPort) bool {
	moment := repeatsMoment(now / time.Millisecond)
	e := r.find(moment, r.hash(payload, from))
	most := mostRepeats(len(payload))
	pause := time.Duration(moment-e.last) * time.Millisecond
	switch {
	case e.count > most && pause < repeatsSilence:
		return true
	case e.count > most || pause > repeatsWithin:
		e.count = 0
	}
	e.count++
	e.last = moment
	return e.count > most
}

func (r *datagramRepeats) hash(payload []byte, from netip.AddrPort) uint64 {
	var source [18]byte
	address := from.Addr().As16()
	copy(source[:], address[:])
	binary.BigEndian.PutUint16(source[16:], from.Port())
	return bits.RotateLeft64(maphash.Bytes(r.seed, payload), 32) ^ maphash.Bytes(r.seed, source[:])
}

// mostRepeats is how many times in a row a payload of so many bytes is answered.
func mostRepeats(size int) uint32 {
	switch {
	case size == 0:
		return repeatsMaxEmpty
	case size <= shortPayload:
		return repeatsMaxShort
	}
	return repeatsMax
}

// find returns the entry for a hash. A new one takes the place of that which has come least often
// in its set, and of these the oldest. What has paused for long has not come at all.
func (r *datagramRepeats) find(now repeatsMoment, hash uint64) *repeat {
	if r.sets == nil {
		r.sets = new([repeatSets][repeatsPerSet]repeat)
	}
	set := &r.sets[hash%repeatSets]
	var rarest *repeat
	var least uint64
	for i := range set {
		e := &set[i]
		if e.hash == hash {
			return e
		}
		age := uint32(now - e.last)
		rank := uint64(^age)
		if age <= uint32(repeatsSilence/time.Millisecond) {
			rank |= uint64(e.count) << 32
		}
		if rarest == nil || rank < least {
			rarest, least = e, rank
		}
	}
	*rarest = repeat{hash: hash, last: now}
	return rarest
}
