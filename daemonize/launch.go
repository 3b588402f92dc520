package daemonize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// This file is the launcher's side of Detach.

// Launched is what the launcher knows of a daemon that is ready.
type Launched struct {
	Pid     int
	Message string // what the daemon gave to Ready
}

// A StartError says that the daemon ended before it was ready.
type StartError struct {
	Status  int    // an exit status for the launcher; never 0
	Message string // the daemon's own words, or how it ended
}

func (e *StartError) Error() string { return e.Message }

const (
	// otherStartPoll is how often a launcher looks whether another start has come to an end.
	otherStartPoll = 20 * time.Millisecond

	// terminateGrace is how long a daemon that is not wanted any more may take to
	// clean up, before it is killed.
	terminateGrace = 2 * time.Second

	// lastWords is how long the launcher listens to a daemon that has ended, in
	// case programs that it started still hold its standard output.
	lastWords = 100 * time.Millisecond
)

// launchUnlessRunning starts the daemon, or finds that another one holds the pid
// file. While that one is still starting, it waits: if the other fails, it is
// this one's turn.
func (d *Daemon) launchUnlessRunning() (*Launched, error) {
	ctx := context.Background()
	if d.ReadyTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.ReadyTimeout)
		defer cancel()
	}
	ctx, stop := cancelOnSignal(ctx)
	defer stop()
	for {
		launched, err := d.launchUnlessHeld(ctx)
		var running *RunningError
		if !errors.As(err, &running) || running.Ready {
			return launched, err
		}
		select {
		case <-ctx.Done():
			return nil, running
		case <-time.After(otherStartPoll):
		}
	}
}

func (d *Daemon) launchUnlessHeld(ctx context.Context) (*Launched, error) {
	if d.PidFile != "" {
		if holder, err := find(d.system(), d.PidFile); err == nil {
			return nil, &RunningError{Path: d.PidFile, Holder: *holder}
		}
	}
	return d.launch(ctx)
}

// cancelOnSignal returns a context whose cause is an error naming the signal that cancelled
// it. A signal that the caller ignores, as under nohup(1), stays ignored.
func cancelOnSignal(parent context.Context) (context.Context, func()) {
	signalC := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(signalC, s)
		}
	}
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		select {
		case s := <-signalC:
			cancel(fmt.Errorf("interrupted by signal: %v", s))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signalC)
		cancel(nil)
	}
}

func (d *Daemon) launch(ctx context.Context) (*Launched, error) {
	secret := newSecret()
	ours, theirs, err := d.system().socketpair()
	if err != nil {
		return nil, fmt.Errorf("connect to the daemon to be: %w", err)
	}
	defer ours.Close()
	defer theirs.Close()
	var stdio []int
	if d.KeepStdio {
		stdio = []int{0, 1, 2}
	}
	if err := d.system().send(ours, []byte(greeting(secret)), stdio); err != nil {
		return nil, fmt.Errorf("greet the daemon to be: %w", err)
	}
	child, err := d.spawnClean(secret, theirs)
	if child == nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	theirs.Close()
	c := &conversation{daemon: d, process: child, endedC: make(chan error, 1)}
	return c.await(ctx, ours, secret)
}

// spawnClean starts the daemon with nothing of the caller's but what was meant for it.
func (d *Daemon) spawnClean(secret string, output *os.File) (*os.Process, error) {
	environ := keptEnvironment(os.Environ(), append(KeptEnvironment(), d.Env...))
	environ = append(environ, secretVariable+"="+secret)
	if err := d.system().closeOnExec(3); err != nil {
		return nil, fmt.Errorf("mark descriptors close-on-exec: %w", err)
	}
	restore, err := defaultSignals(d.system())
	if err != nil {
		return nil, err
	}
	defer restore()
	return spawn(absoluteArgs(d.Args), environ, output)
}

// A conversation is the launcher's end of the handshake with a process it started.
type conversation struct {
	daemon  *Daemon
	process *os.Process
	endedC  chan error // the result of waiting for process, once
}

type report struct {
	frame *frame
	err   error
}

func (c *conversation) await(ctx context.Context, ours *os.File, secret string) (*Launched, error) {
	reportC := make(chan report, 1)
	go func() {
		f, err := readFrame(ours, c.daemon.output(), secret)
		reportC <- report{f, err}
	}()
	go func() { c.endedC <- c.wait() }()
	select {
	case r := <-reportC:
		return c.conclude(ctx, r)
	case ended := <-c.endedC:
		// Its words may still be under way.
		ours.SetReadDeadline(time.Now().Add(lastWords))
		r := <-reportC
		c.endedC <- ended
		return c.conclude(ctx, r)
	case <-ctx.Done():
		return nil, c.abandon(ctx)
	}
}

// conclude knows what the daemon reported, if anything. Unless it is ready, the daemon is
// ending; not before it has may the launcher return.
func (c *conversation) conclude(ctx context.Context, r report) (*Launched, error) {
	if r.frame != nil && r.frame.Ready {
		return &Launched{Pid: c.process.Pid, Message: r.frame.Message}, nil
	}
	var ended error
	select {
	case ended = <-c.endedC:
	case <-ctx.Done():
		return nil, c.abandon(ctx)
	}
	c.removeStalePidFile()
	switch {
	case r.frame != nil && r.frame.Running != nil:
		return nil, &RunningError{Path: c.daemon.PidFile, Holder: *r.frame.Running}
	case r.frame != nil:
		return nil, &StartError{Status: max(r.frame.Status, 1), Message: r.frame.Message}
	}
	return nil, &StartError{Status: exitStatus(ended), Message: fmt.Sprintf("daemon ended before it was ready: %v", ended)}
}

// abandon ends a daemon that is not ready in time, or not wanted any more.
func (c *conversation) abandon(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		cause = fmt.Errorf("not ready after %v", c.daemon.ReadyTimeout)
	}
	c.process.Signal(syscall.SIGTERM)
	select {
	case <-c.endedC:
	case <-time.After(terminateGrace):
		// Whatever it had started is in its process group, whose number cannot
		// be given away while the group's leader, our child, was not waited for.
		syscall.Kill(-c.process.Pid, syscall.SIGKILL)
		<-c.endedC
	}
	c.removeStalePidFile()
	return &StartError{Status: 1, Message: fmt.Sprintf("daemon was ended before it was ready: %v", cause)}
}

// removeStalePidFile tidies up after a daemon that may not have been able to.
func (c *conversation) removeStalePidFile() {
	if c.daemon.PidFile != "" {
		removeStale(c.daemon.system(), c.daemon.PidFile)
	}
}

// endedError says how the daemon ended, in the words of os.ProcessState.
type endedError struct{ state *os.ProcessState }

func (e endedError) Error() string { return e.state.String() }

func (c *conversation) wait() error {
	state, err := c.process.Wait()
	if err != nil {
		return fmt.Errorf("wait for the daemon: %w", err)
	}
	return endedError{state}
}

// exitStatus is the status that a launcher passes on: the daemon's, or 1
// when it was killed, or claims success without having been ready.
func exitStatus(ended error) int {
	var e endedError
	if errors.As(ended, &e) && e.state.ExitCode() > 0 {
		return e.state.ExitCode()
	}
	return 1
}

func (d *Daemon) output() io.Writer {
	if d.Output != nil {
		return d.Output
	}
	return os.Stderr
}
