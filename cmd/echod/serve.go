package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"echod/daemonize"
	"echod/server"
)

// A service is one run of the server, from the first thing opened to the last one closed.
type service struct {
	settings *settings
	process  *daemonize.Process
	log      *serverLog
	sockets  []socket
	only     *oneClient // the listener of the one client there will be, or nil
	server   *server.Server
	manager  *manager // nil if nobody asked
	signalC  chan os.Signal
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
	if err := v.openSockets(); err != nil {
		return err
	}
	for _, k := range v.sockets {
		if err := k.giveTo(s.identity); err != nil {
			return withPermStatus(exitSystem, err)
		}
	}
	if err := v.process.DropPrivileges(); err != nil {
		return withPermStatus(exitSystem, err)
	}
	v.log.enterRoot(s.chroot)
	if err := interrupted(v.signalC); err != nil {
		return err
	}
	v.server = &server.Server{Logger: v.log.Logger, IdleTimeout: s.idleTimeout}
	return withPermStatus(exitSystem, v.ready())
}

// ready says so. A service manager that does not hear it is its own misfortune.
func (v *service) ready() error {
	v.manager = newManager(v)
	if err := v.process.Ready(v.readyMessage()); err != nil {
		return err
	}
	v.manager.ready(v.process.NotifyError())
	return nil
}

func (v *service) readyMessage() string {
	message := fmt.Sprintf("serving %s, pid %d", v.names(), os.Getpid())
	if v.settings.logFile != "" {
		message += ", log " + v.settings.logFile
	}
	return message
}

// run serves until a signal ends it, there is nothing left to do, or a listener fails for good.
func (v *service) run() error {
	v.logStarted()
	idle := newIdleWatch(v.settings.idleExit, v.settings.inetd)
	defer idle.stop()
	failedC := v.serveAll()
	for {
		select {
		case s := <-v.signalC:
			if v.obey(s) {
				return nil
			}
		case err := <-failedC:
			v.log.Error("listener failed", "error", err)
			return err
		case now := <-idle.tickC():
			if idle.over(now, v.server.Stats()) {
				v.log.Info("stopping", "idle", v.settings.idleExit)
				v.drain(untilTheyLeft)
				return nil
			}
		case <-v.only.taken():
			v.drain(untilTheyLeft)
			return nil
		case <-v.manager.tickC():
			v.manager.tick()
		}
	}
}

// serveAll starts serving. What ends a listener comes through the channel.
func (v *service) serveAll() <-chan error {
	failedC := make(chan error, len(v.sockets))
	for _, k := range v.sockets {
		go func() { failedC <- k.serve(v.server) }()
	}
	return failedC
}

// obey does what a signal asks for, and reports whether the server has ended.
func (v *service) obey(s os.Signal) bool {
	switch s {
	case syscall.SIGHUP:
		v.manager.reloading()
		v.log.reopen()
		v.manager.reloaded()
		return false
	case syscall.SIGUSR1:
		v.log.reopen()
		return false
	case syscall.SIGQUIT:
		v.log.Info("draining", "signal", s.String(), "timeout", v.settings.drainTimeout)
		v.manager.stopping()
		v.drain(v.settings.drainTimeout)
	default:
		v.log.Info("stopping", "signal", s.String())
		v.manager.stopping()
	}
	return true
}

// untilTheyLeft is a time to drain that has no end.
const untilTheyLeft = time.Duration(math.MaxInt64)

// drain accepts no more clients and waits for those that are there to leave, until the time is over
// or a second signal to end comes.
func (v *service) drain(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	drainedC := make(chan error, 1)
	go func() { drainedC <- v.server.Shutdown(ctx) }()
	step := time.NewTicker(drainStep)
	defer step.Stop()
	v.manager.draining(timeout)
	for {
		select {
		case <-drainedC:
			return
		case now := <-step.C:
			deadline, _ := ctx.Deadline()
			v.manager.draining(deadline.Sub(now))
		case <-v.manager.tickC():
			v.manager.tick()
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
	v.manager.stopping()
	v.manager.stop()
	stats := v.server.Stats()
	if v.only == nil {
		v.log.Info("stopped", "pid", os.Getpid(), "datagrams", stats.Datagrams.Sent, "accepted", stats.Accepted, "bytes", stats.BytesSent)
	}
	err := errors.Join(v.process.Close(), v.log.close())
	if err != nil {
		// The log may be what failed. In the foreground this is seen.
		fmt.Fprintln(os.Stderr, oneLine(err.Error()))
	}
}

// abandon undoes what open has done before it failed.
func (v *service) abandon(cause error) {
	closeAll(v.sockets)
	if v.log != nil {
		v.log.notStarted(cause)
	}
	v.process.Close()
}

// names lists what is served, as addresses with their networks.
func (v *service) names() string {
	names := make([]string, len(v.sockets))
	for i, k := range v.sockets {
		names[i] = k.String()
	}
	return strings.Join(names, ",")
}

// logStarted writes the first lines. The process of one client has only that client's to write.
func (v *service) logStarted() {
	if stale := v.process.Stale(); stale != "" {
		v.log.Warn("stale pid file taken over", "file", v.settings.pidFile, "held", stale)
	}
	if v.only == nil {
		v.log.Info("started", "pid", os.Getpid(), "version", version(), "listeners", v.names())
	}
}
