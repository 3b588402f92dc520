package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"echod/daemonize"
	"echod/logging"
	"echod/server"
	"echod/server/control"
)

// A service is one run of the server, from the first thing opened to the last one closed.
type service struct {
	name     string // of the instance
	settings *settings
	process  *daemonize.Process
	log      *serverLog
	sockets  []socket
	only     *oneClient // the listener of the one client there will be, or nil
	server   *server.Server
	echo     server.Service
	manager  *manager // nil if nobody asked
	control  controlSide
	signals  *signals
	started  time.Time
	state    atomic.Value // a control.State
	beside   *rehearsal   // nil unless this is one

	// configure builds the configuration anew, without touching the one in use; commit then
	// puts it in place, in the goroutine that steers the service. It is nil without a
	// configuration file.
	configure func() (commit func(), err error)

	orderC chan order
	endedC chan struct{} // closed when no order is carried out any more
	upkeep *upkeep
	drain  *drain // nil before it begins
}

func newService(s *settings, process *daemonize.Process, caught *signals) *service {
	v := &service{
		settings: s, process: process, signals: caught,
		orderC: make(chan order), endedC: make(chan struct{}),
	}
	v.upkeep = newUpkeep(v)
	return v
}

// serve is what all ways to start the server have in common, in the one order: it opens all that
// can fail, gives up privileges, says that it is ready, and serves until it is told to end. Each
// step only takes power away. The launcher of a detached daemon is told of an error before that.
// Signals have been caught since before the pid file was locked.
func serve(s *settings, d defaults, process *daemonize.Process, caught *signals) error {
	v := newService(s, process, caught)
	v.name = d.name
	if os.Getpid() == 1 {
		defer daemonize.ReapOrphans(nil)() // the server starts no processes
	}
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
	if v.log, err = s.openLog(d); err != nil {
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
	if err := v.control.open(s, v.sockets, v.beside); err != nil {
		return err
	}
	if v.beside != nil {
		v.undo()
	}
	if err := v.process.DropPrivileges(); err != nil {
		return withPermStatus(exitSystem, err)
	}
	v.enterRoot(s.chroot)
	if err := v.process.PrivilegesError(); err != nil {
		v.log.Debug("not all privileges given up", "error", err)
	}
	if err := v.signals.interrupted(); err != nil {
		return err
	}
	v.server = &server.Server{Logger: v.log.Logger, MaxConnections: s.maxConnections}
	v.echo.Apply(s.terms())
	if err := v.log.captureCrashes(); err != nil {
		return err
	}
	for i := range v.sockets {
		if err := v.sockets[i].prepare(v.server, &v.echo); err != nil {
			return withStatus(exitSystem, err)
		}
	}
	return withPermStatus(exitSystem, v.ready())
}

// enterRoot tells all who hold a file by its path where it is now that root is the root directory.
// Empty means that there is no new one.
func (v *service) enterRoot(root string) {
	if root == "" {
		return
	}
	v.log.enterRoot(root)
	v.control.enterRoot(root)
	for _, k := range v.sockets {
		k.enterRoot(root)
	}
}

// ready says so, when the log has said it. A service manager that does not hear it is its own
// misfortune.
func (v *service) ready() error {
	v.logStarted()
	v.log.flush(v.settings.readyTimeout)
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

// run serves until a signal or a call ends it, there is nothing left to do, or a listener fails for
// good.
func (v *service) run() error {
	defer close(v.endedC)
	v.started = time.Now()
	v.state.Store(control.Serving)
	v.control.serve(v)
	idle := newIdleWatch(v.settings.idleExit, v.settings.inetd)
	defer idle.stop()
	files := newFileWatch(v)
	defer files.stop()
	failedC, takenC := v.serveAll(), v.only.taken()
	defer func() { v.drain.end() }()
	for {
		ended := false
		select {
		case s := <-v.signals.stopC:
			ended = v.obey(bySignal("stop", s))
		case s := <-v.signals.drainC:
			ended = v.obey(bySignal("drain", s))
		case s := <-v.signals.reloadC:
			ended = v.obey(bySignal("reload", s))
		case s := <-v.signals.reopenC:
			ended = v.obey(bySignal("reopen", s))
		case s := <-v.signals.unusedC:
			v.log.Warn("signal has no meaning", "signal", s.String())
		case o := <-v.orderC:
			ended = v.obey(o)
		case r := <-v.upkeep.doneC:
			v.upkeep.finish(r)
		case err := <-failedC:
			if !errors.Is(err, server.ErrServerClosed) {
				v.log.Error("listener failed", "error", err)
				return err
			}
		case now := <-idle.tickC():
			if v.drain == nil && idle.over(now, v.server.Stats()) {
				v.log.Info("stopping", "idle", v.settings.idleExit)
				v.beginDrain(untilTheyLeft)
			}
		case <-takenC:
			takenC = nil
			v.beginDrain(untilTheyLeft)
		case now := <-v.drain.stepC():
			v.manager.draining(v.drain.left(now))
		case <-v.drain.done():
			ended = true
		case <-files.ticker.C:
			files.look()
		case <-v.manager.tickC():
			v.manager.tick()
		}
		if ended {
			return nil
		}
	}
}

// untilTheyLeft is a time to drain that has no end.
const untilTheyLeft = time.Duration(math.MaxInt64)

// serveAll starts serving what open has prepared. What ends a listener comes through the channel.
func (v *service) serveAll() <-chan error {
	failedC := make(chan error, len(v.sockets))
	for _, k := range v.sockets {
		go func() { failedC <- k.serve() }()
	}
	return failedC
}

// close ends the service in the order in which it was opened, backwards.
func (v *service) close() {
	v.server.Close()
	v.manager.stopping()
	v.manager.stop()
	v.control.close(v.log.Logger)
	stats := v.server.Stats()
	if v.only == nil {
		v.log.Info("stopped", "pid", os.Getpid(), "datagrams", stats.Datagrams.Sent, "accepted", stats.Accepted, "bytes", stats.BytesSent)
	}
	err := errors.Join(v.log.close(), v.process.Close())
	switch { // the log may be what failed
	case err == nil:
	case v.settings.detaches, v.settings.inetd:
		tellSyslog(v.name, err)
	default:
		fmt.Fprintln(os.Stderr, logging.Printable(err.Error()))
	}
}

// abandon undoes what open has done before it failed.
func (v *service) abandon(cause error) {
	if v.beside != nil && v.log != nil {
		v.undo() // and nothing is written to the log of the server that runs
	}
	closeAll(v.sockets)
	if v.server != nil {
		v.server.Close()
	}
	v.control.abandon()
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
		v.log.Info("started", "pid", os.Getpid(), "version", version(), "listeners", v.names(), "engine", v.server.Engine())
	}
}
