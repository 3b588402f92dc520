package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"echod/daemonize"

	"github.com/spf13/cobra"
)

func (p *program) stopCommand() *cobra.Command {
	var l lookup
	var stop daemonize.Stop
	var drain bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "end the running server; return when it is gone",
		Args:  noArguments,
	}
	l.addFlags(cmd, defaultsFor(p.name))
	addTimeoutFlag(cmd, &stop.Timeout)
	cmd.Flags().BoolVar(&drain, "drain", false, "let the clients leave first, for the server's --drain-timeout; no KILL unless --timeout is given")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if drain {
			stop.Signal = syscall.SIGQUIT
			if !cmd.Flags().Changed("timeout") {
				stop.Timeout = 0 // the server itself sees to an end
			}
		}
		if l.socket.path == "" {
			if err := needPidFile("stop", l.pidFile); err != nil {
				return err
			}
		}
		if err := l.resolve(); err != nil {
			return withStatus(exitUsage, err)
		}
		return p.stop(cmd, &l, stop)
	}
	return cmd
}

// needPidFile refuses to look for a server that there is no way to find.
func needPidFile(verb, pidFile string) error {
	if pidFile == "" {
		return withStatus(exitUsage, fmt.Errorf("%s: no pid file to find the server by", verb))
	}
	return nil
}

func addTimeoutFlag(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", 10*time.Second, "send KILL if it is not gone after `DURATION`; 0 is never")
}

// stop says what it did. That nothing was there to be stopped is no error.
func (p *program) stop(cmd *cobra.Command, l *lookup, stop daemonize.Stop) error {
	if stop.Timeout < 0 {
		return withStatus(exitUsage, fmt.Errorf("parse --timeout %v: want a duration of 0 or more", stop.Timeout))
	}
	var stopped *daemonize.Stopped
	found, err := l.findOne()
	switch {
	case err == nil && found.bySocket:
		return p.stopByCall(cmd.Context(), found, stop)
	case err == nil:
		stopped, err = stop.Stop(cmd.Context(), found.pidFile)
	}
	switch {
	case isNotRunning(err):
		p.sayf("%v", err)
		return nil
	case isAbsent(err): // it has ended meanwhile
		p.sayf("not running")
		return nil
	case err != nil:
		return stopError(err)
	case stopped.Killed:
		p.sayf("killed, pid %d: it did not end within %v", stopped.Pid, stop.Timeout)
	default:
		p.sayf("stopped, pid %d", stopped.Pid)
	}
	return nil
}

func stopError(err error) error {
	if errors.Is(err, syscall.EPERM) {
		return withStatus(exitNoPerm, fmt.Errorf("stop: %w (it belongs to another user)", err))
	}
	return withPermStatus(exitFailure, fmt.Errorf("stop: %w", err))
}
