package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// DatagramLimits bounds how many datagrams a server answers, over all its sockets. A limit may be used
// up in a burst of one second's worth. The zero value limits nothing: an answer is never larger than the question, so
// nothing is amplified, and a flood that a machine can receive it can answer.
type DatagramLimits struct {
	// PerSource is how many datagrams a second one source gets answers to: an IPv4 address, or the first 64 bits
	// of an IPv6 address, for one network has all the addresses below them. 0 means as many as come.
	//
	// The last 4096 sources or so are known. Somebody who forges more than that
	// many at a time makes the server forget some, which may then use up their burst again: Total bounds that too.
	PerSource int

	// Total is how many datagrams a second are answered at most. 0 means as many as come.
	Total int
}

// Sources are kept in sets of a few, one of which a source belongs to: a lookup is short, and
// memory bounded.
const (
	sourceSets    = 1024
	sourcesPerSet = 4
)

// A datagramBudget holds what is left of the limits. The zero value is a full one.
type datagramBudget struct {
	mu      sync.Mutex
	began   time.Time
	seed    maphash.Seed
	sources *[sourceSets][sourcesPerSet]sourceBudget
	total   bucket
}

type sourceBudget struct {
	key [16]byte
	bucket
}

// take uses up one answer to source, or says which limit is reached.
func (b *datagramBudget) take(limits DatagramLimits, source netip.Addr) refusal {
	if limits.PerSource <= 0 && limits.Total <= 0 {
		return refusedNot
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began.IsZero() {
		b.began = time.Now()
	}
	return b.takeAt(time.Since(b.began), limits, source)
}

// takeAt is take at a time counted from any moment.
func (b *datagramBudget) takeAt(now time.Duration, limits DatagramLimits, source netip.Addr) refusal {
	if limits.PerSource > 0 && source.IsValid() && !b.source(source).take(now, limits.PerSource) {
		return refusedSourceRate
	}
	if limits.Total > 0 && !b.total.take(now, limits.Total) {
		return refusedRate
	}
	return refusedNot
}

// source returns the bucket of a source. A new source gets the place of the fullest bucket in its
// set, which says least.
func (b *datagramBudget) source(source netip.Addr) *bucket {
	if b.sources == nil {
		b.sources = new([sourceSets][sourcesPerSet]sourceBudget)
		b.seed = maphash.MakeSeed()
	}
	key := source.As16()
	if source.Is6() && !source.Is4In6() {
		clear(key[8:])
	}
	set := &b.sources[maphash.Bytes(b.seed, key[:])%sourceSets]
	fullest := &set[0]
	for i := range set {
		if set[i].key == key {
			return &set[i].bucket
		}
		if set[i].full < fullest.full {
			fullest = &set[i]
		}
	}
	*fullest = sourceBudget{key: key}
	return &fullest.bucket
}

// A bucket is a token bucket, as the moment at which it is full (again). The zero value is full.
type bucket struct{ full time.Duration }

// take takes a token from a bucket that holds rate tokens and gets rate new ones a second.
func (b *bucket) take(now time.Duration, rate int) bool {
	token := max(time.Second/time.Duration(rate), 1)
	full := max(b.full, now) + token
	if full-now > time.Second {
		return false
	}
	b.full = full
	return true
}
