package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"echod/daemonize"

	"github.com/spf13/pflag"
)

// A previous is the server that a restart takes the place of, and the flags it was started with.
type previous struct {
	pid      int
	flags    *pflag.FlagSet
	settings settings
}

// previousServer returns the server that runs, and nil if none does.
//
// The flags of a server that has crashed are gone with it. The defaults do not take their place:
// its addresses may have been those of loopback, and the default is all that there are.
func previousServer(l *lookup, listenGiven bool) (*previous, error) {
	found, err := l.findOne()
	var missed *notRunningError
	switch {
	case errors.As(err, &missed) && missed.stale != nil && !listenGiven:
		return nil, fmt.Errorf("restart: %w: the flags that server had are not known (give --listen and the others, or use start)", missed.stale)
	case missed != nil:
		return nil, nil
	case err != nil:
		return nil, withStatus(lookupStatus(err), fmt.Errorf("restart: %w", err))
	}
	if u := unitOf("/", found.pid); u != nil {
		return nil, u.refusal(found.pid)
	}
	b := &previous{pid: found.pid}
	line, err := b.commandLine()
	if err != nil {
		return nil, err
	}
	if err := b.parse(line, l.defaults); err != nil {
		return nil, fmt.Errorf("restart: flags of pid %d: %w", b.pid, err)
	}
	if !b.flags.Changed("listen") {
		return nil, fmt.Errorf("restart: pid %d was handed its sockets by a service manager: restart it there", b.pid)
	}
	return b, nil
}

// commandLine returns what follows the verb.
func (b *previous) commandLine() ([]string, error) {
	line, err := daemonize.CommandLine(b.pid)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("restart: pid %d was not started by the verb start: restart it where it was started", b.pid)
	case errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("restart: the flags of pid %d cannot be known on this system: use stop, then start", b.pid)
	case err != nil:
		return nil, withPermStatus(exitFailure, fmt.Errorf("restart: %w", err))
	case len(line) < 2:
		return nil, fmt.Errorf("restart: pid %d was started without a verb", b.pid)
	}
	return line[2:], nil
}

func (b *previous) parse(line []string, d defaults) error {
	b.settings = settings{detaches: true}
	b.flags = pflag.NewFlagSet("start", pflag.ContinueOnError)
	b.settings.addFlags(b.flags, d)
	if err := b.flags.Parse(line); err != nil {
		return err
	}
	return b.settings.resolveAddresses()
}

// has lists what the server has, for a rehearsal beside it.
func (b *previous) has() ([]string, error) {
	s := &b.settings
	if err := s.controlSocket.resolve(s.pidFile); err != nil {
		return nil, err
	}
	own := append([]string(nil), s.listen...)
	for _, a := range s.metrics {
		own = append(own, a.String())
	}
	if s.controlSocket.path != "" {
		own = append(own, "unix://"+s.controlSocket.path)
	}
	return own, nil
}

// returnTries is how often, and returnPause how long after one another, the server that there was
// is started again: a lack of memory or of processes may pass.
const (
	returnTries = 3
	returnPause = 200 * time.Millisecond
)

// startAgain starts the server with the flags that it had, because it does not start with the
// others. It returns why not, and what was done about it.
func (p *program) startAgain(b *previous, d defaults, cause error) error {
	err := b.settings.resolve()
	for try := 1; err == nil; try++ {
		err = p.start(&b.settings, d, b.settings.commandLine(b.flags))
		if err == nil {
			return withStatus(statusOf(cause), fmt.Errorf("%w; the server runs with the flags it had before", cause))
		}
		if try < returnTries {
			time.Sleep(returnPause)
			err = nil
		}
	}
	return withStatus(statusOf(cause), fmt.Errorf("%w; with the flags it had before, too: %w", cause, err))
}
