package daemonize

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// This file is the launcher's wait for readiness, and how it ends a daemon that does not get there.

// terminateGrace is how long a daemon that is not wanted any more may take to
// clean up, before it is killed.
const terminateGrace = 2 * time.Second

// A conversation is the launcher's end of the handshake with a process that it started.
type conversation struct {
	daemon  *Daemon
	process *os.Process
	words   *words
	frameC  chan *frame      // has the frame, if there is one; closed at the end of all words
	deaf    error            // why there are no more words; to be looked at when frameC is closed
	endedC  chan struct{}    // closed when process has ended
	state   *os.ProcessState // of process when it was waited for
	madeDir bool             // the daemon makes the runtime directory
}

// converse begins to listen to process and to wait for its end.
func (d *Daemon) converse(process *os.Process, socket *os.File, secret string, madeDir bool) *conversation {
	c := &conversation{
		daemon: d, process: process, words: &words{file: socket}, madeDir: madeDir,
		frameC: make(chan *frame, 1), endedC: make(chan struct{}),
	}
	go func() {
		defer close(c.frameC)
		f, err := readFrame(c.words, d.output(), secret)
		c.deaf = err
		if err == nil && f != nil {
			c.frameC <- f
		}
	}()
	go func() {
		defer close(c.endedC)
		if err := d.system().awaitZombie(process.Pid); err != nil {
			c.state, _ = process.Wait()
		}
	}()
	return c
}

// await returns when the daemon is ready, or has ended.
func (c *conversation) await(ctx context.Context) (*Launched, error) {
	var f *frame
	heard := true
	select {
	case f = <-c.frameC:
		if f == nil && c.deaf != nil {
			// Nobody would ever know that it is ready. At the end of the words without an
			// error, on the other hand, the process will be seen to end, too.
			deaf, cancel := context.WithCancelCause(ctx)
			cancel(c.deaf)
			ctx = deaf
		}
	case <-c.endedC:
		f = c.lastFrame()
	case <-ctx.Done():
		heard = false
	}
	if f != nil && f.Ready {
		go c.reap()
		return &Launched{Pid: c.process.Pid, Message: f.Message}, nil
	}
	cause := c.awaitEnd(ctx)
	if !heard {
		f = c.lastFrame()
	}
	c.killGroup()
	c.reap()
	c.tidy()
	return nil, c.failure(f, cause)
}

// awaitEnd waits for the daemon's end. If the context is done before, it ends the daemon and
// returns the context's cause.
func (c *conversation) awaitEnd(ctx context.Context) error {
	select {
	case <-c.endedC:
		return nil
	case <-ctx.Done():
	}
	c.process.Signal(syscall.SIGTERM)
	select {
	case <-c.endedC:
	case <-time.After(terminateGrace):
		c.process.Kill()
		<-c.endedC
	}
	return context.Cause(ctx)
}

// lastFrame returns the frame that a daemon that has ended has left, or nil. An output that takes
// nothing does not keep the launcher: the words that are left then are lost.
func (c *conversation) lastFrame() *frame {
	c.words.cut()
	select {
	case f := <-c.frameC:
		return f
	case <-time.After(terminateGrace):
		return nil
	}
}

// killGroup ends what a daemon that has ended has left running: its process group. The number
// cannot be another group's as long as the daemon, the leader, was not waited for. (Where it had to
// be, because the system has no way to only look, the group could be a new one by now.)
func (c *conversation) killGroup() { syscall.Kill(-c.process.Pid, syscall.SIGKILL) }

// reap waits for the daemon as a parent has to.
func (c *conversation) reap() {
	<-c.endedC
	if c.state == nil {
		c.state, _ = c.process.Wait()
	}
}

// tidy removes what a daemon that was never ready may not have been able to remove.
func (c *conversation) tidy() {
	d := c.daemon
	if d.PidFile != "" {
		removeStale(d.system(), d.PidFile)
	}
	if c.madeDir {
		// Another daemon may have moved in meanwhile; then it stays.
		d.system().rmdir(d.RuntimeDirectory)
	}
}

// failure says why there is no daemon: in the daemon's own words if it had any.
func (c *conversation) failure(f *frame, cause error) error {
	switch {
	case f != nil && f.Running != nil:
		return &RunningError{Path: c.daemon.PidFile, Holder: *f.Running}
	case f != nil && !f.Ready:
		return &StartError{Status: failureStatus(f.Status), Message: f.Message}
	case cause != nil:
		return &StartError{Status: 1, Message: fmt.Sprintf("daemon was ended before it was ready: %v", cause)}
	case c.state != nil && c.state.Success():
		return &StartError{Status: 1, Message: "daemon ended with status 0 before it was ready, and called neither Ready nor Abort"}
	case c.state == nil:
		return &StartError{Status: 1, Message: "daemon ended before it was ready"}
	}
	return &StartError{
		Status:  failureStatus(c.state.ExitCode()),
		Message: fmt.Sprintf("daemon ended before it was ready: %v", c.state),
	}
}

// failureStatus is 1 for what is no exit status of a failure: 0, that of a process that was
// killed, and what does not fit into the eight bits that exit(3) passes on.
func failureStatus(status int) int {
	if status < 1 || status > 255 {
		return 1
	}
	return status
}
