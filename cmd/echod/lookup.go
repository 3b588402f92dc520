package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"echod/daemonize"
	"echod/server"

	"github.com/spf13/cobra"
)

// A lookup is how a verb finds the server that it looks into or steers: at the place that its flags
// name, or else at any of the default places.
type lookup struct {
	defaults defaults
	pidFile  string
	socket   socketPath

	cmd    *cobra.Command
	places []place
}

func (l *lookup) addFlags(cmd *cobra.Command, d defaults) {
	l.addPidFileFlag(cmd, d)
	l.socket.addFlag(cmd.Flags(), d, "the control socket of the server is `FILE`")
}

func (l *lookup) addPidFileFlag(cmd *cobra.Command, d defaults) {
	l.cmd, l.defaults = cmd, d
	cmd.Flags().StringVar(&l.pidFile, "pid-file", d.pidFile, "the pid file of the server is `FILE`")
}

// resolve finds out where to look.
func (l *lookup) resolve() error {
	switch {
	case l.cmd.Flags().Changed("pid-file"):
		return l.lookAt(l.pidFile)
	case l.socket.given && l.socket.path != "":
		// It says by itself which server is meant. That may have a pid file elsewhere, or none.
		if err := l.addPlace("", false); err != nil {
			return err
		}
	}
	for _, pidFile := range l.defaults.pidFiles() {
		if err := l.addPlace(pidFile, true); err != nil {
			return err
		}
	}
	return nil
}

// lookAt has the server looked for at one pid file, which may be empty, and nowhere else.
func (l *lookup) lookAt(pidFile string) error {
	absolute, err := filepath.Abs(pidFile)
	if err != nil {
		return fmt.Errorf("make path %s absolute: %w", pidFile, err)
	}
	return l.addPlace(pidFile, slices.Contains(l.defaults.pidFiles(), absolute))
}

func (l *lookup) addPlace(pidFile string, byDefault bool) error {
	socket := l.socket
	p := place{pidFile: pidFile, byDefault: byDefault}
	if p.socketErr = socket.resolve(pidFile); p.socketErr == nil {
		p.socket = socket.path
	}
	l.places = append(l.places, p)
	if l.socket.given {
		return p.socketErr
	}
	return nil
}

// A notRunningError says that no server was found.
type notRunningError struct {
	stale  *daemonize.StaleError // a pid file that is there all the same, or nil
	looked []string              // the pid files and control sockets at which there is none
}

func (e *notRunningError) Error() string {
	where := " (looked at " + strings.Join(e.looked, ", ") + ")"
	if e.stale != nil {
		return fmt.Sprintf("not running: %v%s", e.stale, where)
	}
	return "not running" + where
}

// find returns the first instance there is. The error is a [*notRunningError], or what kept it from
// finding out. What another user has put at a default place is no instance; but where the one to be
// preferred is in doubt, nothing can be told.
func (l *lookup) find() (*instance, error) {
	missed := &notRunningError{}
	var first *instance
	var doubt error
	for i, p := range l.places {
		missed.looked = append(missed.looked, p.paths()...)
		found, err := p.find()
		var stale *daemonize.StaleError
		switch {
		case err == nil && first == nil:
			if first = found; p.pidFile == "" {
				return first, nil // it was named
			}
		case err == nil:
			first.others = append(first.others, found)
		case errors.As(err, &stale):
			missed.stale = cmp.Or(missed.stale, stale)
		case errors.Is(err, daemonize.ErrNotRunning):
		case doubt == nil && (i == 0 || !isForeign(err)):
			doubt = err
		}
	}
	switch {
	case first != nil:
		return first, nil
	case doubt != nil:
		return nil, doubt
	}
	if err := l.findByPort(missed); err != nil {
		return nil, err
	}
	return nil, missed
}

// findByPort looks for a process of this name that serves the default port though nothing leads to
// it. It is no proof that this is the server which is meant, or that it is one: no verb does
// anything to it.
func (l *lookup) findByPort(missed *notRunningError) error {
	address, err := server.ParseAddress(l.defaults.listen)
	if err != nil || l.cmd.Flags().Changed("pid-file") || l.socket.given {
		return nil
	}
	name := l.defaults.name
	for _, holder := range portHolders(address) {
		if strings.HasSuffix(holder, " ("+name[:min(len(name), maxProcessName)]+")") {
			return fmt.Errorf("%v, but %s serves %s: name its pid file with --pid-file, or end it with kill(1)", missed, holder, address)
		}
	}
	return nil
}

// maxProcessName is how much of the name of a program /proc/PID/comm shows.
const maxProcessName = 15

// findOne is find for a verb that does something to the server: with more than one of them, it must
// be said which.
func (l *lookup) findOne() (*instance, error) {
	found, err := l.find()
	if err != nil || len(found.others) == 0 {
		return found, err
	}
	several := []string{found.String()}
	for _, other := range found.others {
		several = append(several, other.String())
	}
	return nil, withStatus(exitFailure, fmt.Errorf("more than one server is running: %s (choose one with --pid-file)", strings.Join(several, ", and ")))
}

// lookupStatus is the exit status for what keeps a verb from finding the server.
func lookupStatus(err error) int {
	var known *statusError
	switch {
	case errors.As(err, &known):
		return known.status
	case isForeign(err), isUnproven(err):
		return exitCantCreate
	}
	return statusOf(withPermStatus(exitUnavailable, err))
}

// isAbsent reports whether err says that no process holds a pid file.
func isAbsent(err error) bool {
	var stale *daemonize.StaleError
	return errors.Is(err, daemonize.ErrNotRunning) || errors.As(err, &stale)
}

func isForeign(err error) bool {
	var foreign *daemonize.ForeignError
	return errors.As(err, &foreign)
}

func isUnproven(err error) bool {
	var unproven *daemonize.UnprovenError
	return errors.As(err, &unproven)
}

func isNotRunning(err error) bool {
	var missed *notRunningError
	return errors.As(err, &missed)
}
