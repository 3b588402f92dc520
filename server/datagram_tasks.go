package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// datagramTasks are what others want of the goroutine that serves a socket. They are put to it by way of a
// deadline: that wakes up whoever waits in package net.
type datagramTasks struct {
	called  atomic.Bool // there are some
	sending atomic.Bool // the goroutine waits until the kernel has room for an answer, and cannot be woken up

	mu    sync.Mutex
	queue []func()
	ended bool
}

// do is for [Server.Alive].
func (d *datagramSocket) do(task func()) bool {
	t := &d.tasks
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.sending.Load() {
		return false
	}
	t.called.Store(true) // before the deadline, which would else be taken for somebody else's
	if d.conn.SetReadDeadline(time.Now()) != nil {
		t.called.Store(len(t.queue) > 0)
		return false
	}
	t.queue = append(t.queue, task)
	return true
}

// attend runs what the goroutine was called for, and reports whether it was. stop may set its deadline at the
// same time: whoever attends looks at stopping afterwards, which is set before.
func (d *datagramSocket) attend() bool {
	t := &d.tasks
	if !t.called.Load() {
		return false
	}
	t.mu.Lock()
	queue := t.queue
	t.queue = nil
	t.called.Store(false)
	d.conn.SetReadDeadline(time.Time{})
	t.mu.Unlock()
	for _, task := range queue {
		task()
	}
	return true
}

// end is attend for the last time.
func (d *datagramSocket) end() {
	d.tasks.mu.Lock()
	d.tasks.ended = true
	d.tasks.mu.Unlock()
	d.attend()
}
