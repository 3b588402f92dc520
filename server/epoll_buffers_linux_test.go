package server

import "testing"

// Some large buffers are kept for the next client that does not read, and not all there ever were.
func TestBuffersAreKept(t *testing.T) {
	var s spareBuffers
	for range 2 * maxSpare {
		s.giveBack(make([]byte, 100, maxRead), 0)
		s.giveBack(make([]byte, 100), 0)
	}
	if len(s.list) != maxSpare {
		t.Errorf("%d buffers are kept", len(s.list))
	}
	for range maxSpare + 1 {
		if b := s.borrow(maxRead, 0); len(b) != maxRead {
			t.Errorf("a buffer of %d bytes", len(b))
		}
	}
	s.giveBack(make([]byte, maxRead), 0)
	if b := s.borrow(smallPending, 0); len(b) != smallPending || cap(b) >= maxRead {
		t.Errorf("a large buffer, of %d bytes, for a few", cap(b))
	}
}

// Buffers that are not needed any more are given up, when the loop says it will wait for it, and
// counted.
func TestBuffersAreGivenUp(t *testing.T) {
	l := stillLoop(t)
	l.now = spareTime
	for range 10 {
		l.buffers.giveBack(make([]byte, maxRead), l.now)
	}
	l.expire()
	if got, want := l.patience(l.now), int(spareTime.Milliseconds()); got != want || len(l.buffers.list) != 10 {
		t.Errorf("%d buffers are kept, and the loop waits for %d ms", len(l.buffers.list), got)
	}
	l.now *= 2
	l.expire()
	if got := l.patience(l.now); got != -1 || len(l.buffers.list) != 0 {
		t.Errorf("then: %d buffers are kept, and the loop waits for %d ms", len(l.buffers.list), got)
	}
	if l.buffers.gaveUp != 10*maxRead {
		t.Errorf("%d bytes are counted", l.buffers.gaveUp)
	}
}
