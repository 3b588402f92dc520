package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// signals are those that steer the server, a channel for each meaning. Each channel holds one: a
// signal that comes again before it was seen says nothing new, and none can displace another. They
// are caught from before the pid file is locked until the process has exited.
type signals struct {
	stopC, drainC, reloadC, reopenC, unusedC chan os.Signal

	// pipeC is never read: standard output or error without a reader is no reason to end, and
	// what was to be written there gets an error. The Go runtime would end the process.
	pipeC chan os.Signal
}

func watchSignals() *signals {
	w := new(signals)
	w.watch()
	return w
}

// watch is called before the pid file is locked: from then on, verbs send signals.
func (w *signals) watch() {
	for _, meaning := range []struct {
		channel *chan os.Signal
		signals []os.Signal
	}{
		{&w.stopC, stopSignals()},
		{&w.drainC, []os.Signal{syscall.SIGQUIT}},
		{&w.reloadC, []os.Signal{syscall.SIGHUP}},
		{&w.reopenC, []os.Signal{syscall.SIGUSR1}},
		{&w.unusedC, []os.Signal{syscall.SIGUSR2}}, // left to itself, it would end the process
		{&w.pipeC, []os.Signal{syscall.SIGPIPE}},
	} {
		*meaning.channel = make(chan os.Signal, 1)
		signal.Notify(*meaning.channel, meaning.signals...)
	}
}

// stopSignals leaves out an interrupt that is ignored, as in the background of a script: it is
// meant for the foreground. Of a QUIT that is ignored the Go runtime knows nothing.
func stopSignals() []os.Signal {
	if signal.Ignored(syscall.SIGINT) {
		return []os.Signal{syscall.SIGTERM}
	}
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT}
}

// errToldToEnd is why a server ended that was still starting.
var errToldToEnd = errors.New("told to end before it was ready")

// interrupted returns an error if a signal to end came while the server was starting. The others
// have nothing to act upon yet: the log has just been opened.
func (w *signals) interrupted() error {
	select {
	case s := <-w.stopC:
		return fmt.Errorf("%w: signal %v", errToldToEnd, s)
	case s := <-w.drainC:
		return fmt.Errorf("%w: signal %v", errToldToEnd, s)
	default:
		return nil
	}
}
