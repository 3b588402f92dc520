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

// looksAtPlace is how often find looks at one place. A server that starts or ends while it is
// looked at is seen by half: its control socket without its pid file.
const looksAtPlace = 5

// find returns the instance at this place. Where no pid file leads to one, its control socket is
// asked: a pid file may be removed while the server serves. A server is found by that only when two
// looks in a row agree. The error is ErrNotRunning or a StaleError of package daemonize, or what
// kept it from finding out.
func (p place) find() (*instance, error) {
	err := p.check()
	if errors.Is(err, errAbsent) {
		return nil, daemonize.ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	before := -1
	for look := 1; ; look++ {
		found, missed := p.findByPidFile()
		if missed == nil || p.socket == "" || !isAbsent(missed) {
			return found, missed
		}
		found, err := p.findBySocket()
		switch {
		case nobodyThere(err):
			return nil, missed
		case err == nil && found.pid == before, look == looksAtPlace:
			return found, err
		case err == nil:
			before = found.pid
		}
	}
}

func (p place) findByPidFile() (*instance, error) {
	if p.pidFile == "" {
		return nil, daemonize.ErrNotRunning
	}
	holder, err := daemonize.Find(p.pidFile)
	if err != nil {
		return nil, err
	}
	return &instance{place: p, pid: holder.Pid, ready: holder.Ready}, nil
}

func (p place) findBySocket() (*instance, error) {
	found := &instance{place: p, ready: true, bySocket: true}
	ctx, cancel := context.WithTimeout(context.Background(), statusTime)
	defer cancel()
	peer, err := found.client().Peer(ctx)
	if err != nil {
		return nil, err
	}
	found.pid = peer.PID
	return found, nil
}
