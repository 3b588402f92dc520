package server

import "time"

// Buffers above smallPending bytes are kept for the next client that needs one, so many of them at
// most, and until none has been needed for spareTime.
const (
	smallPending = 4 << 10
	maxSpare     = 32
	spareTime    = 5 * time.Second
)

// spareBuffers are the buffers that blocked clients of a loop have given back.
type spareBuffers struct {
	list   [][]byte
	usedAt time.Duration // when the list last changed
	gaveUp int           // bytes, not yet reported
}

// borrow returns a buffer of n bytes.
func (s *spareBuffers) borrow(n int, now time.Duration) []byte {
	last := len(s.list) - 1
	if n <= smallPending || last < 0 {
		return make([]byte, n)
	}
	b := s.list[last]
	s.list[last] = nil
	s.list, s.usedAt = s.list[:last], now
	return b[:n]
}

// giveBack takes a buffer back.
func (s *spareBuffers) giveBack(b []byte, now time.Duration) {
	if cap(b) == maxRead && len(s.list) < maxSpare {
		s.list, s.usedAt = append(s.list, b), now
	} else {
		s.gaveUp += cap(b)
	}
}

// expire gives up buffers that have not been needed for spareTime.
func (s *spareBuffers) expire(now time.Duration) {
	if len(s.list) > 0 && s.expiry() <= now {
		s.gaveUp += len(s.list) * maxRead
		s.list = nil
	}
}

// expiry returns when that is due, if there are any buffers.
func (s *spareBuffers) expiry() time.Duration { return s.usedAt + spareTime }

// reportBytes are so many that a loop need not report every buffer.
const reportBytes = 1 << 20

// report tells t what was given up.
func (s *spareBuffers) report(t *trimmer) {
	if s.gaveUp >= reportBytes {
		t.gaveUp(s.gaveUp)
		s.gaveUp = 0
	}
}
