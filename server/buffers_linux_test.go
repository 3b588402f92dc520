package server

// checkBuffers looks at the buffers of a loop of which so many clients are stuck: each has
// one of its own, of the size of the loop's at most, and the loop keeps few more.
func (f *fixture) checkBuffers(stuck int) {
	f.t.Helper()
	e := f.epoll()
	if e == nil {
		return // what a goroutine has cannot be seen; the counters tell enough
	}
	for _, l := range *e.loops.Load() {
		l.await(func() {
			for c := range l.clients.all {
				if c.pending == nil {
					continue
				}
				stuck--
				if n := cap(c.pending.buffer); n > maxRead {
					f.t.Errorf("client %d has a buffer of %d bytes", c.id, n)
				}
			}
			if len(l.buffers.list) > maxSpare {
				f.t.Errorf("the loop keeps %d buffers", len(l.buffers.list))
			}
		})
	}
	if stuck != 0 {
		f.t.Errorf("%d clients less than expected have a buffer of their own", stuck)
	}
}

// epoll returns the event loops of a server whose listeners are all of one network, or nil.
func (f *fixture) epoll() *epollEngine {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	if e, ok := f.server.native.(*epollEngine); ok {
		return e
	}
	e, _ := f.server.aside.(*epollEngine)
	return e
}
