package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

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

// places are the default places, the one first that a start would choose now.
func (d defaults) places() []place {
	var places []place
	for _, pidFile := range append([]string{d.pidFile}, d.formerPidFiles...) {
		places = append(places, newPlace(pidFile, socketPath{}, true))
	}
	return places
}

func (d defaults) isPlace(pidFile string) bool {
	return pidFile == d.pidFile || slices.Contains(d.formerPidFiles, pidFile)
}

// newPlace finds out where the control socket is, if there is one.
func newPlace(pidFile string, socket socketPath, byDefault bool) place {
	p := place{pidFile: pidFile, byDefault: byDefault}
	if p.socketErr = socket.resolve(pidFile); p.socketErr == nil {
		p.socket = socket.path
	}
	return p
}

// client returns what calls the server of this place, or nil if it has no control socket.
func (p place) client() *control.Client {
	if p.socket == "" {
		return nil
	}
	return control.NewClient(p.socket)
}
