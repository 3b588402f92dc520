package probe

import (
	"bytes"
	"math/rand/v2"
)

// pattern is what the connections of a Load send: pseudo-random bytes with
// the period patternPeriod, laid out so that up to patternWindow bytes from
// any place in the period are one slice. What is sent needs no copying, and
// what comes back needs no more than a comparison of memory. Because the
// period is prime, messages of any usual size start at ever other places, and
// a message lost, repeated or given to another connection is seen.
type pattern []byte

const (
	patternPeriod = 65521
	patternWindow = 128 << 10
)

func newPattern() pattern {
	p := make(pattern, patternPeriod+patternWindow)
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for i := range patternPeriod {
		p[i] = byte(r.Uint32())
	}
	for i := patternPeriod; i < len(p); i++ {
		p[i] = p[i-patternPeriod]
	}
	return p
}

// window is the pattern from place at on: n bytes, or patternWindow if n is more.
func (p pattern) window(at, n int) []byte {
	return p[at : at+min(n, patternWindow)]
}

// equal tells whether data is the pattern from place at on.
func (p pattern) equal(data []byte, at int) bool {
	for len(data) > 0 {
		w := p.window(at, len(data))
		if !bytes.Equal(data[:len(w)], w) {
			return false
		}
		data, at = data[len(w):], advance(at, len(w))
	}
	return true
}

// lateWindow is how many datagrams back an answer is recognised as one that
// comes late or once more.
const lateWindow = 16

// age tells how many datagrams before number n of a connection the one was
// sent that has come back as data: 0 for n itself, -1 for none of the last few.
func (p pattern) age(data []byte, size, connection int, n uint64) int {
	if len(data) != size {
		return -1
	}
	for age := range min(n, lateWindow) {
		if p.equal(data, origin(connection, n-age)) {
			return int(age)
		}
	}
	return -1
}

// advance is the place n bytes after at.
func advance(at, n int) int { return (at + n) % patternPeriod }

// origin is where a connection's stream begins in the pattern, or where its
// datagram number n does: far from those of its neighbours.
func origin(connection int, n uint64) int {
	return int((uint64(connection)*7919 + n*104729) % patternPeriod)
}
