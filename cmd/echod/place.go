package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"echod/daemonize"
	"echod/server/control"
)

// A place is where an instance may be found: its pid file, and its control socket.
type place struct {
	pidFile   string // empty for none
	socket    string // empty for none
	socketErr error  // why there can be no socket
	byDefault bool   // nothing but the instance's own is in the directory of the pid file
}

// errAbsent says that there is not even the directory of a default place.
var errAbsent = errors.New("no such directory")

// check looks at the directory before anything in it is opened: another user may have made it, and
// would decide which process is signalled, and what is answered.
func (p place) check() error {
	switch {
	case p.pidFile == "":
		return nil
	case !p.byDefault:
		return daemonize.CheckPidFile(p.pidFile)
	}
	err := daemonize.CheckRuntimeDirectory(filepath.Dir(p.pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent
	}
	return err
}

// find returns the instance at this place. The error is ErrNotRunning or a StaleError of package
// daemonize, or what kept it from finding out.
func (p place) find() (*instance, error) {
	err := p.check()
	if errors.Is(err, errAbsent) {
		return nil, daemonize.ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	if p.pidFile == "" {
		return p.findBySocket()
	}
	holder, err := daemonize.Find(p.pidFile)
	if err != nil {
		return nil, err
	}
	return &instance{place: p, pid: holder.Pid, ready: holder.Ready}, nil
}

// findBySocket returns the instance that answers at the control socket.
func (p place) findBySocket() (*instance, error) {
	if p.socket == "" {
		return nil, daemonize.ErrNotRunning
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusTime)
	defer cancel()
	peer, err := control.NewClient(p.socket).Peer(ctx)
	if nobodyThere(err) {
		return nil, daemonize.ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	return &instance{place: p, pid: peer.PID, ready: true}, nil
}
