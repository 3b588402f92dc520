package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"echod/daemonize"
	"echod/server"
)

const (
	// statusInterval is how often the line that the service manager shows is brought up to date.
	statusInterval = 5 * time.Second

	// drainStep is how often it is while the server drains, and by how much more than that the
	// service manager is asked to be patient.
	drainStep = time.Second
)

// A manager is the service manager that wants to hear of the server: systemd, through
// sd_notify(3). All it is told comes from the goroutine that steers the server; if that is stuck,
// or a loop that serves is, the watchdog hears nothing. A nil manager does nothing.
type manager struct {
	notifier *daemonize.Notifier
	log      *slog.Logger
	server   *server.Server
	prefix   string // of the status line
	ticker   *time.Ticker
	shown    string // the status line that the service manager has
	deaf     bool   // the last message did not get through
}

func newManager(v *service) *manager {
	notifier := v.process.Notifier()
	if notifier == nil {
		return nil
	}
	every := statusInterval
	if interval := notifier.WatchdogInterval(); interval > 0 {
		every = min(every, interval/3)
	}
	return &manager{
		notifier: notifier,
		log:      v.log.Logger,
		server:   v.server,
		prefix:   "serving " + v.names(),
		ticker:   time.NewTicker(every),
	}
}

// ready gives the service manager something to show from the start. unheard is why it could
// not be told that the server is ready, or nil.
func (m *manager) ready(unheard error) {
	if m != nil {
		m.heard(unheard)
		m.status(m.prefix)
	}
}

func (m *manager) tickC() <-chan time.Time {
	if m == nil {
		return nil
	}
	return m.ticker.C
}

// tick brings the status line up to date and feeds the watchdog, once all loops that serve
// have answered.
func (m *manager) tick() {
	m.status(m.prefix)
	interval := m.notifier.WatchdogInterval()
	if interval == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), interval/3)
	defer cancel()
	if err := m.server.Alive(ctx); err != nil {
		m.log.Error("watchdog not fed", "error", err)
		return
	}
	m.heard(m.notifier.Watchdog())
}

func (m *manager) status(what string) {
	stats := m.server.Stats()
	line := fmt.Sprintf("%s; clients %d, served %d, bytes sent %d", what, stats.Active, stats.Accepted, stats.BytesSent)
	if line == m.shown {
		return
	}
	m.shown = line
	m.heard(m.notifier.Status(line))
}

// draining is told every drainStep; left is the time that the clients have.
func (m *manager) draining(left time.Duration) {
	if m == nil {
		return
	}
	m.heard(m.notifier.ExtendTimeout(min(left, drainStep) + statusInterval))
	m.tick()
}

func (m *manager) reloading() {
	if m != nil {
		m.heard(m.notifier.Reloading())
	}
}

func (m *manager) reloaded() {
	if m != nil {
		m.heard(m.notifier.Ready())
	}
}

// stopping may be said more than once.
func (m *manager) stopping() {
	if m != nil {
		m.prefix = "stopping"
		m.heard(m.notifier.Stopping())
	}
}

func (m *manager) stop() {
	if m != nil {
		m.ticker.Stop()
	}
}

// heard logs that the service manager cannot be reached, and not again before it could be.
func (m *manager) heard(err error) {
	if err != nil && !m.deaf {
		m.log.Warn("service manager not reached", "error", err)
	}
	m.deaf = err != nil
}
