package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"echod/daemonize"
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

// paths are what find looks at.
func (p place) paths() []string {
	return slices.DeleteFunc([]string{p.pidFile, p.socket}, func(path string) bool { return path == "" })
}

// find returns the instance at this place. Where no pid file leads to one, its control socket is asked:
// a pid file may be removed while the server serves. The error is ErrNotRunning or a StaleError of
// package daemonize, or what kept it from finding out.
func (p place) find() (*instance, error) {
	err := p.check()
	if errors.Is(err, errAbsent) {
		return nil, daemonize.ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	missed := daemonize.ErrNotRunning
	if p.pidFile != "" {
		holder, err := daemonize.Find(p.pidFile)
		if err == nil {
			return &instance{place: p, pid: holder.Pid, ready: holder.Ready}, nil
		}
		var stale *daemonize.StaleError
		if !errors.Is(err, daemonize.ErrNotRunning) && !errors.As(err, &stale) {
			return nil, err
		}
		missed = err
	}
	if p.socket == "" {
		return nil, missed
	}
	found := &instance{place: p, ready: true, bySocket: true}
	ctx, cancel := context.WithTimeout(context.Background(), statusTime)
	defer cancel()
	peer, err := found.client().Peer(ctx)
	if nobodyThere(err) {
		return nil, missed
	}
	if err != nil {
		return nil, err
	}
	found.pid = peer.PID
	return found, nil
}
