package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"echod/daemonize"
	"echod/server/control"
)

// stopPoll is how often stop looks whether a server that it has asked to end still answers.
const stopPoll = 20 * time.Millisecond

// stopByCall ends a server that only its control socket leads to. It is asked to end, and is sent
// no signal: without the lock of a pid file, nothing proves that the process that began to listen
// is the one that serves. It is gone when it does not answer any more.
func (p *program) stopByCall(ctx context.Context, found *instance, stop daemonize.Stop) error {
	err := askToStop(ctx, found.client(), stop)
	if endsCall(err) && !answers(ctx, found) { // it has ended meanwhile
		p.sayf("not running")
		return nil
	}
	if err != nil {
		return withPermStatus(exitFailure, fmt.Errorf("stop: %w", err))
	}
	asked := time.Now()
	for answers(ctx, found) {
		if stop.Timeout > 0 && time.Since(asked) > stop.Timeout {
			return fmt.Errorf("stop: pid %d was asked to end at control socket %s, and still answers after %v", found.pid, found.socket, stop.Timeout)
		}
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return fmt.Errorf("stop: %w", context.Cause(ctx))
		}
	}
	p.sayf("stopped, pid %d, by control socket %s", found.pid, found.socket)
	return nil
}

func askToStop(ctx context.Context, client *control.Client, stop daemonize.Stop) error {
	patience := callTime
	if stop.Timeout > 0 {
		patience = min(patience, stop.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	order := client.Stop
	if stop.Signal == syscall.SIGQUIT {
		order = client.Drain
	}
	_, err := order(ctx)
	return err
}

// endsCall reports whether err is what a caller sees of a server that ends.
func endsCall(err error) bool {
	return nobodyThere(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// answers reports whether the server still does. Another one that has taken its socket does not
// count.
func answers(ctx context.Context, found *instance) bool {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	_, err := found.client().Peer(ctx)
	return err == nil
}
