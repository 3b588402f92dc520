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

// A StartError says that the daemon ended before it was ready, or that Detach did not wait any
// longer for another start.
type StartError struct {
	Status  int    // an exit status for the launcher, from 1 to 255
	Message string // what the daemon gave to Abort, or how it ended
}

func (e *StartError) Error() string { return e.Message }

// otherStartPoll is how often a launcher looks whether another start has come to an end.
const otherStartPoll = 20 * time.Millisecond

// launchUnlessRunning starts the daemon, or finds that another one holds the pid
// file. While that one is still starting, it waits: if the other fails, it is
// this one's turn.
func (d *Daemon) launchUnlessRunning() (*Launched, error) {
	ctx := context.Background()
	if d.ReadyTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.ReadyTimeout, fmt.Errorf("not ready after %v", d.ReadyTimeout))
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
			return nil, &StartError{Status: 1, Message: fmt.Sprintf("wait for another start, pid %d: %v", running.Pid, context.Cause(ctx))}
		case <-time.After(otherStartPoll):
		}
	}
}

func (d *Daemon) launchUnlessHeld(ctx context.Context) (*Launched, error) {
	unfit := d.checkRuntimeDirectory()
	if isForeign(unfit) && checkRuntimeDirectory(d.system(), d.RuntimeDirectory, nil, toLookInto) != nil {
		return nil, unfit // what is in there is not believed
	}
	if d.PidFile != "" {
		if holder, err := find(d.system(), d.PidFile); err == nil {
			return nil, &RunningError{Path: d.PidFile, Holder: *holder}
		}
	}
	if unfit != nil {
		return nil, unfit
	}
	return d.launch(ctx)
}

// checkRuntimeDirectory finds out whether the daemon could move into its runtime directory, or make
// it, and changes nothing.
func (d *Daemon) checkRuntimeDirectory() error {
	if d.RuntimeDirectory == "" {
		return nil
	}
	err := checkRuntimeDirectory(d.system(), d.RuntimeDirectory, d.Identity, toMoveInto)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return nil // it will be made
	case isForeign(err):
		return removeFormer(d.system(), d.RuntimeDirectory, err, true)
	}
	return err
}

// cancelOnSignal returns a context whose cause is an error naming the signal that cancelled
// it. A signal that the caller ignores, as under nohup(1), stays ignored. PIPE
// cancels nothing, but does not end the process either: that nobody reads the launcher's
// standard error is no reason for the daemon not to start.
func cancelOnSignal(parent context.Context) (context.Context, func()) {
	signalC, pipeC := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(pipeC, syscall.SIGPIPE)
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
		signal.Stop(pipeC)
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
	if err := d.system().send(ours, []byte(greeting{os.Getpid(), secret}.line()), stdio); err != nil {
		return nil, fmt.Errorf("greet the daemon to be: %w", err)
	}
	if err := d.sendFiles(ours); err != nil {
		return nil, fmt.Errorf("hand descriptors to the daemon to be: %w", err)
	}
	_, err = d.system().lstat(d.RuntimeDirectory)
	makesDir := d.RuntimeDirectory != "" && errors.Is(err, syscall.ENOENT)
	child, err := d.spawnClean(secret, theirs)
	if child == nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	theirs.Close()
	return d.converse(child, ours, secret, makesDir).await(ctx)
}

// spawnClean starts the daemon with nothing of the caller's but what was meant for it.
func (d *Daemon) spawnClean(secret string, output *os.File) (*os.Process, error) {
	environ := keptEnvironment(os.Environ(), append(alwaysKept(), d.Env...))
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

func (d *Daemon) output() io.Writer {
	if d.Output != nil {
		return d.Output
	}
	return os.Stderr
}
