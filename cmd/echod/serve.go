package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"echod/daemonize"
	"echod/server"
)

// A service is one run of the server, from the first thing opened to the last one closed.
type service struct {
	settings  *settings
	process   *daemonize.Process
	log       *serverLog
	listeners []net.Listener
	server    *server.Server
	signalC   chan os.Signal
}

// serve is what all ways to start the server have in common, in the one order: it opens
// all that can fail, gives up privileges, says that it is ready, and serves until it
// is told to end. Each step only takes power away. The launcher of a detached
// daemon is told of an error before that.
func serve(s *settings, d defaults, process *daemonize.Process) error {
	v := &service{settings: s, process: process, signalC: watchSignals()}
	defer signal.Stop(v.signalC)
	if err := v.open(d); err != nil {
		v.abandon(err)
		process.Abort(statusOf(err), err)
		return err
	}
	err := v.run()
	v.close()
	return withStatus(exitSystem, err)
}

// open leads to readiness. What it opened is there for close or abandon, also after an
// error.
func (v *service) open(d defaults) error {
	s := v.settings
	var err error
	if v.log, err = s.openLog(d, !v.process.Detached()); err != nil {
		return err
	}
	if v.listeners, err = listenAll(s.addresses); err != nil {
		return err
	}
	if err := v.process.DropPrivileges(); err != nil {
		return withPermStatus(exitSystem, err)
	}
	v.log.enterRoot(s.chroot)
	if err := interrupted(v.signalC); err != nil {
		return err
	}
	v.server = &server.Server{Logger: v.log.Logger, IdleTimeout: s.idleTimeout}
	return withPermStatus(exitSystem, v.process.Ready(v.readyMessage()))
}

func (v *service) readyMessage() string {
	message := fmt.Sprintf("serving %s, pid %d", listenerNames(v.listeners), os.Getpid())
	if v.settings.logFile != "" {
		message += ", log " + v.settings.logFile
	}
	return message
}

// run serves until a signal ends it, or a listener fails for good.
func (v *service) run() error {
	started := []any{"pid", os.Getpid(), "version", version(), "listeners", listenerNames(v.listeners)}
	if stale := v.process.Stale(); stale != "" {
		v.log.Warn("stale pid file taken over", "file", v.settings.pidFile, "held", stale)
	}
	v.log.Info("started", started...)
	failedC := make(chan error, len(v.listeners))
	for _, l := range v.listeners {
		go func() { failedC <- v.server.Serve(l) }()
	}
	for {
		select {
		case s := <-v.signalC:
			if v.obey(s) {
				return nil
			}
		case err := <-failedC:
			v.log.Error("listener failed", "error", err)
			return err
		}
	}
}

// obey does what a signal asks for, and reports whether the server has ended.
func (v *service) obey(s os.Signal) bool {
	switch s {
	case syscall.SIGHUP, syscall.SIGUSR1:
		v.log.reopen()
		return false
	case syscall.SIGQUIT:
		v.log.Info("draining", "signal", s.String(), "timeout", v.settings.drainTimeout)
		v.drain()
	default:
		v.log.Info("stopping", "signal", s.String())
	}
	return true
}

// drain waits for the clients to leave, until the time is over or a second signal to end
// comes.
func (v *service) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), v.settings.drainTimeout)
	defer cancel()
	drainedC := make(chan error, 1)
	go func() { drainedC <- v.server.Shutdown(ctx) }()
	for {
		select {
		case <-drainedC:
			return
		case s := <-v.signalC:
			switch s {
			case syscall.SIGHUP, syscall.SIGUSR1:
				v.log.reopen()
			case syscall.SIGTERM, syscall.SIGINT:
				cancel()
			}
		}
	}
}

// close ends the service in the order in which it was opened, backwards.
func (v *service) close() {
	v.server.Close()
	stats := v.server.Stats()
	v.log.Info("stopped", "pid", os.Getpid(), "accepted", stats.Accepted, "bytes", stats.BytesSent)
	err := errors.Join(v.log.close(), v.process.Close())
	if err != nil {
		// The log may be what failed. In the foreground this is seen.
		fmt.Fprintln(os.Stderr, oneLine(err.Error()))
	}
}

// abandon undoes what open has done before it failed.
func (v *service) abandon(cause error) {
	closeAll(v.listeners)
	if v.log != nil {
		v.log.notStarted(cause)
	}
	v.process.Close()
}

func listenerNames(listeners []net.Listener) string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Addr().Network() + "://" + l.Addr().String()
	}
	return strings.Join(names, ",")
}
