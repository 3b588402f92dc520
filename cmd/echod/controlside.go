package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"syscall"
	"time"

	"echod/daemonize"
	"echod/server"
	"echod/server/control"
)

// A controlSide is what a service has open for those who look into it and steer it.
type controlSide struct {
	socket  *control.Listener // nil without one
	metrics []socket          // none, or one
	server  *control.Server   // nil before serve
}

// open makes the sockets, the Unix one for the user that the server will run as. others are those
// for clients.
func (c *controlSide) open(s *settings, others []socket, beside *rehearsal) error {
	var err error
	if c.metrics, err = beside.listenAll(s.metrics, others...); err != nil {
		return err
	}
	if s.controlSocket.path == "" {
		return nil
	}
	var owner *control.Owner
	if s.identity != nil {
		owner = &control.Owner{UID: s.identity.UID, GID: s.identity.GID}
	}
	c.socket, err = control.Listen(beside.besidePath(s.controlSocket.path), owner)
	if err != nil {
		return withStatus(controlStatus(err), fmt.Errorf("%w%s", err, controlSocketHint))
	}
	return nil
}

// controlStatus is the exit status for what keeps the control socket from being made.
func controlStatus(err error) int {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return exitNoPerm
	case errors.Is(err, syscall.EADDRINUSE):
		return exitUnavailable
	}
	return exitCantCreate
}

// enterRoot says where the socket is now that root is the root directory. One outside cannot be
// removed any more.
func (c *controlSide) enterRoot(root string) {
	if c.socket != nil {
		c.socket.SetPath(daemonize.InsideRoot(c.socket.Addr().String(), root))
	}
}

// serve answers from here on. That the sockets are served is no condition for serving clients.
func (c *controlSide) serve(v *service) {
	c.server = &control.Server{Logger: v.log.Logger, Controls: v.controls()}
	serve := func(l net.Listener, serve func(net.Listener) error) {
		if err := serve(l); !errors.Is(err, control.ErrServerClosed) {
			v.log.Error("control socket failed", "socket", l.Addr().String(), "error", err)
		}
	}
	if c.socket != nil {
		go serve(c.socket, c.server.Serve)
	}
	for _, k := range c.metrics {
		go serve(k.listener, c.server.ServeMetrics)
	}
}

// controls are the service as package control sees it.
func (v *service) controls() control.Controls {
	order := func(verb string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return v.ask(ctx, verb) }
	}
	return control.Controls{
		Status:  v.snapshot,
		Clients: v.server,
		Level:   v.log.level,
		Reopen:  order("reopen"),
		Reload:  order("reload"),
		Drain:   order("drain"),
		Stop:    order("stop"),
	}
}

func (v *service) snapshot() control.Status {
	s, stats := v.settings, v.server.Stats()
	status := control.Status{
		Running: true, Pid: os.Getpid(), Version: version(), Engine: v.server.Engine(),
		StartedAt: v.started, UptimeSeconds: time.Since(v.started).Seconds(), State: v.state.Load().(control.State),
		Connections: control.ConnectionCounts{
			Active: stats.Active, Accepted: stats.Accepted,
			Refused: stats.Refused.Total(), RefusedByReason: maps.Collect(stats.Refused.Connections()),
			LimitReached: stats.AtLimit, LimitReachedTimes: stats.LimitReached,
		},
		Datagrams: control.DatagramCounts{
			Received: stats.Datagrams.Received, Sent: stats.Datagrams.Sent,
			Refused: stats.Datagrams.Refused.Total(), RefusedByReason: maps.Collect(stats.Datagrams.Refused.Datagrams()),
			Dropped: dropped(stats.Datagrams),
		},
		Bytes: control.ByteCounts{Received: stats.BytesReceived, Sent: stats.BytesSent},
		Limits: control.Limits{
			MaxConnections:          v.server.ConnectionLimit(),
			MaxConnectionsPerSource: s.maxConnectionsPerSource,
			ConnectionRatePerSource: s.connectionRatePerSource,
			IdleTimeoutSeconds:      s.idleTimeout.Seconds(),
			DrainTimeoutSeconds:     s.drainTimeout.Seconds(),
		},
		Log: v.log.status(),
	}
	status.PidFile, status.ControlSocket = s.pidFile, s.controlSocket.path
	if metrics := v.control.metrics; len(metrics) > 0 {
		status.MetricsListen = metrics[0].addr().String()
	}
	for _, k := range v.sockets {
		status.Listeners = append(status.Listeners, control.ListenerStatus{Network: k.addr().Network(), Address: k.addr().String()})
	}
	return status
}

// dropped is nil if the count would not be whole.
func dropped(d server.DatagramStats) *uint64 {
	if d.DroppedUnknown {
		return nil
	}
	return &d.Dropped
}

// answerTime is how long calls under way may take to be answered at the end.
const answerTime = time.Second

// close removes the socket and lets calls under way be answered.
func (c *controlSide) close(log *slog.Logger) {
	if c.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	err := c.server.Shutdown(ctx)
	// A goroutine that has not come to serve its socket yet would close it later, when another
	// server may have started, which takes it for one that answers.
	c.abandon()
	switch {
	case errors.Is(err, fs.ErrPermission): // privileges were given up; the next start replaces it
		log.Info("control socket left behind", "error", err)
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		log.Warn("control socket left behind", "error", err)
	}
}

// abandon closes the sockets of a server that never was ready.
func (c *controlSide) abandon() {
	if c.socket != nil {
		c.socket.Close()
	}
	closeAll(c.metrics)
}
