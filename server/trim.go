package server

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Memory that was given up is collected only when more is asked for, or after two minutes, and is
// returned to the system bit by bit. When many clients that did not read have left, nothing asks.
const (
	trimBytes = 8 << 20          // given up, that are worth the work
	trimAfter = 2 * time.Second  // so that clients that leave together are served together
	trimGap   = 10 * time.Second // from one time to the next: it costs a collection
)

// A trimmer returns memory to the system after large buffers were given up.
type trimmer struct {
	mu      sync.Mutex
	bytes   int         // given up since the last time
	timer   *time.Timer // of the next time; nil if there is none
	last    time.Time
	stopped bool
}

// gaveUp notes that buffers of n bytes are not referred to any more. It may be called by any
// goroutine.
func (t *trimmer) gaveUp(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += n
	if t.bytes < trimBytes || t.timer != nil || t.stopped {
		return
	}
	t.timer = time.AfterFunc(max(trimAfter, trimGap-time.Since(t.last)), t.trim)
}

func (t *trimmer) trim() {
	t.mu.Lock()
	t.bytes, t.timer, t.last = 0, nil, time.Now()
	t.mu.Unlock()
	runtime.GC() // what is in a sync.Pool survives one collection
	debug.FreeOSMemory()
}

// stop keeps trim from being called any more. One that runs is not waited for.
func (t *trimmer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	if t.timer != nil {
		t.timer.Stop()
	}
}
