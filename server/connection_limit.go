package server

import (
	"log/slog"
	"sync"
)

// A connectionLimit bounds how many connections there are at once.
type connectionLimit struct {
	mu      sync.Mutex
	limit   int      // 0 for any number
	taken   int      // how many there are
	full    bool     // there was no room for one more, and none has been left over since
	waiting []func() // to be called when there may be one more

	fullness fullness
}

// init sets the limit before the first connection. log takes the lines about it.
func (c *connectionLimit) init(limit int, log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit, c.fullness.log = limit, log
}

// change sets another limit.
func (c *connectionLimit) change(limit int) {
	c.mu.Lock()
	c.limit = limit
	c.wake()
}

// acquire counts one more connection in. If there may be no more, it reports false and calls free,
// once, when there may be.
func (c *connectionLimit) acquire(free func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit > 0 && c.taken >= c.limit {
		c.waiting = append(c.waiting, free)
		c.full = true
		c.fullness.reached(c.limit)
		return false
	}
	c.taken++
	return true
}

// release counts a connection out.
func (c *connectionLimit) release() {
	c.mu.Lock()
	c.taken--
	c.wake()
}

// wake calls what waits. c.mu is held, and given back.
func (c *connectionLimit) wake() {
	waiting := c.waiting
	c.waiting = nil
	if len(waiting) == 0 && c.full {
		c.full = false
		c.fullness.over()
	} // else what waits takes the connection, or releases it when there is no client
	c.mu.Unlock()
	for _, free := range waiting {
		free()
	}
}
