package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"echod/daemonize"
	"echod/logging"
	"echod/server"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (p *program) restartCommand() *cobra.Command {
	given := settings{detaches: true}
	var timeout time.Duration
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "check everything, then stop and start",
		Long: "Check everything first, then stop the running server and start it again with the flags\n" +
			"that it was started with. Flags given here take the place of those. A server that does\n" +
			"not run is started; one that has crashed only with --listen, as its flags are not known.",
		Args: noArguments,
	}
	given.addFlags(cmd.Flags(), d)
	settingFlags := slices.Collect(flagNames(cmd.Flags()))
	addTimeoutFlag(cmd, &timeout)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := given.resolve(); err != nil {
			return err
		}
		if err := needPidFile("restart", given.pidFile); err != nil {
			return err
		}
		next := settings{detaches: true}
		flags := pflag.NewFlagSet("start", pflag.ContinueOnError)
		next.addFlags(flags, d)
		running := lookup{cmd: cmd, defaults: d, pidFile: given.pidFile, socket: socketPath{name: d.name}}
		if err := running.resolve(); err != nil {
			return err
		}
		listening, err := keptFlags(flags, &next, &running, cmd.Flags().Changed("listen"))
		if err != nil {
			return err
		}
		if err := overrideFlags(flags, cmd.Flags(), settingFlags); err != nil {
			return withStatus(exitUsage, err)
		}
		if err := next.resolve(); err != nil {
			return err
		}
		if listening != nil {
			if err := next.tryOut(listening); err != nil {
				return err
			}
		}
		goOnToTheEnd()
		if err := p.stop(cmd, &running, daemonize.Stop{Timeout: timeout}); err != nil {
			return err
		}
		return p.start(&next, d, next.commandLine(flags))
	}
	return cmd
}

// goOnToTheEnd ignores what would end or suspend this process between stop and start, when there is
// no server. The daemon does not inherit it. KILL and STOP remain, and have that effect.
func goOnToTheEnd() {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP)
}

func flagNames(flags *pflag.FlagSet) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		more := true
		flags.VisitAll(func(f *pflag.Flag) { more = more && yield(f.Name) })
	}
}

// keptFlags parses the flags that the running server was started with, and returns the addresses it
// has. When none is running there are none of either.
//
// The flags of a server that has crashed are gone with it. The defaults do not take their place: its
// addresses may have been those of loopback, and the default is all that there are.
func keptFlags(flags *pflag.FlagSet, s *settings, l *lookup, listenGiven bool) ([]server.Address, error) {
	found, err := l.findOne()
	var missed *notRunningError
	if errors.As(err, &missed) {
		if missed.stale != nil && !listenGiven {
			return nil, fmt.Errorf("restart: %w: the flags that server had are not known (give --listen and the others, or use start)", missed.stale)
		}
		return nil, nil
	}
	if err != nil {
		return nil, withStatus(lookupStatus(err), fmt.Errorf("restart: %w", err))
	}
	if u := unitOf("/", found.pid); u != nil {
		return nil, u.refusal(found.pid)
	}
	line, err := daemonize.CommandLine(found.pid)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("restart: pid %d was not started by the verb start: restart it where it was started", found.pid)
	case errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("restart: the flags of pid %d cannot be known on this system: use stop, then start", found.pid)
	case err != nil:
		return nil, withPermStatus(exitFailure, fmt.Errorf("restart: %w", err))
	}
	if len(line) < 2 {
		return nil, fmt.Errorf("restart: pid %d was started without a verb", found.pid)
	}
	if err := flags.Parse(line[2:]); err != nil {
		return nil, fmt.Errorf("restart: flags of pid %d: %w", found.pid, err)
	}
	if !flags.Changed("listen") {
		return nil, fmt.Errorf("restart: pid %d was handed its sockets by a service manager: restart it there", found.pid)
	}
	if err := s.resolveAddresses(); err != nil {
		return nil, fmt.Errorf("restart: flags of pid %d: %w", found.pid, err)
	}
	return slices.Concat(s.addresses, s.metrics), nil
}

// overrideFlags gives flags the values that were given on the command line.
func overrideFlags(flags, given *pflag.FlagSet, names []string) error {
	for _, name := range names {
		f := given.Lookup(name)
		if !f.Changed {
			continue
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			if err := flags.Lookup(name).Value.(pflag.SliceValue).Replace(list.GetSlice()); err != nil {
				return err
			}
			continue
		}
		if err := flags.Set(name, f.Value.String()); err != nil {
			return err
		}
	}
	return nil
}

// tryOut finds out, as far as that is possible while another server runs, whether one with these
// settings could start. It leaves nothing behind.
func (s *settings) tryOut(listening []server.Address) error {
	var added []server.Address
	for _, a := range slices.Concat(s.addresses, s.metrics) {
		if !slices.Contains(listening, a) {
			added = append(added, a)
		}
	}
	sockets, err := listenAll(added)
	closeAll(sockets)
	if err != nil {
		return err
	}
	if s.logFile == "" || isLogService(s.logFile) {
		return nil
	}
	log, err := logging.OpenFile(s.logFile, logging.Options{Owner: s.owner()})
	if err != nil {
		return withPermStatus(exitCantCreate, err)
	}
	return log.Discard()
}
