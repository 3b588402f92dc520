package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"

	"echod/daemonize"
)

// This file is about sockets that others made: a service manager, inetd(8) or xinetd(8).

// takeSockets takes over what a service manager has handed to this process. That can be done
// once; later calls return the same.
func (p *program) takeSockets() ([]*daemonize.Socket, error) {
	if !p.socketsTaken {
		p.socketsTaken = true
		sockets, err := daemonize.InheritedSockets()
		if err != nil {
			err = withStatus(handedStatus(err), err)
		}
		p.sockets, p.socketsErr = sockets, err
	}
	return p.sockets, p.socketsErr
}

// handedStatus is the exit status for sockets that cannot be served: whoever handed them
// over spoke nonsense, or is configured to hand over something else.
func handedStatus(err error) int {
	var variable *daemonize.VariableError
	switch {
	case errors.As(err, &variable):
		return exitUsage
	case errors.Is(err, daemonize.ErrNotSocket), errors.Is(err, daemonize.ErrWrongSocket), errors.Is(err, daemonize.ErrNotConnected):
		return exitConfig
	}
	return exitSystem
}

// clientGone reports whether err says that the one client this process was started for has left
// already. That is the client's affair, and no failure.
func clientGone(err error) bool { return errors.Is(err, daemonize.ErrNotConnected) }

// remoteFromEnvironment is the client's address as systemd (REMOTE_ADDR, REMOTE_PORT) or xinetd
// (REMOTE_HOST) has told it: the kernel does not know it any more once the client is gone.
func remoteFromEnvironment() string {
	host, port := os.Getenv("REMOTE_ADDR"), os.Getenv("REMOTE_PORT")
	switch {
	case host == "":
		return cmp.Or(os.Getenv("REMOTE_HOST"), "unknown")
	case port == "":
		return host
	}
	return net.JoinHostPort(host, port)
}

// hasClient reports whether one of the sockets is a connection: then this process serves that
// client and ends.
func hasClient(sockets []*daemonize.Socket) bool {
	for _, s := range sockets {
		if s.Kind == daemonize.ConnectedStream {
			return true
		}
	}
	return false
}

// serveSockets settles what the settings mean to a process with these sockets. They take the
// place of the addresses of --listen: one unit file serves with and without a socket unit. The
// process of one client is one of many, which must not get into each other's way.
func (s *settings) serveSockets(sockets []*daemonize.Socket) error {
	if !hasClient(sockets) {
		return nil
	}
	if len(sockets) > 1 {
		return withStatus(exitConfig, fmt.Errorf("use %d sockets: one of them is connected, and has to be the only one", len(sockets)))
	}
	s.pidFile, s.controlSocket, s.metricsListen, s.metrics = "", socketPath{}, "", nil
	return nil
}

// openSockets adopts the sockets that were handed over, or binds those of --listen: all or none.
func (v *service) openSockets() error {
	handed := v.process.Sockets()
	if len(handed) == 0 {
		var err error
		v.sockets, err = v.beside.listenAll(v.settings.addresses)
		return err
	}
	for _, h := range handed {
		k, err := v.adopt(h)
		if err != nil {
			return withStatus(handedStatus(err), err)
		}
		v.sockets = append(v.sockets, k)
	}
	return nil
}

func (v *service) adopt(handed *daemonize.Socket) (k socket, err error) {
	switch handed.Kind {
	case daemonize.Datagram:
		k.packets, err = handed.PacketConn()
	case daemonize.ConnectedStream:
		var conn net.Conn
		if conn, err = handed.Conn(); err != nil {
			return socket{}, err
		}
		v.only = newOneClient(conn)
		v.log.Logger = v.log.With("pid", os.Getpid()) // many of them write one log
		k.listener = v.only
	default:
		k.listener, err = handed.Listener()
	}
	return k, err
}
