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
	var pidFile string
	var stop daemonize.Stop
	var drain bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "end the running server; return when it is gone",
		Args:  noArguments,
	}
	addPidFileFlag(cmd, &pidFile, defaultsFor(p.name))
	addTimeoutFlag(cmd, &stop.Timeout)
	cmd.Flags().BoolVar(&drain, "drain", false, "let the clients leave first, for the server's --drain-timeout; no KILL unless --timeout is given")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if drain {
			stop.Signal = syscall.SIGQUIT
			if !cmd.Flags().Changed("timeout") {
				stop.Timeout = 0 // the server itself sees to an end
			}
		}
		return p.stop(cmd, pidFile, stop)
	}
	return cmd
}

func addPidFileFlag(cmd *cobra.Command, pidFile *string, d defaults) {
	cmd.Flags().StringVar(pidFile, "pid-file", d.pidFile, "the pid file of the server is `FILE`")
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
func (p *program) stop(cmd *cobra.Command, pidFile string, stop daemonize.Stop) error {
	if stop.Timeout < 0 {
		return withStatus(exitUsage, fmt.Errorf("parse --timeout %v: want a duration of 0 or more", stop.Timeout))
	}
	if err := needPidFile("stop", pidFile); err != nil {
		return err
	}
	stopped, err := stop.Stop(cmd.Context(), pidFile)
	var stale *daemonize.StaleError
	switch {
	case errors.Is(err, daemonize.ErrNotRunning):
		fmt.Fprintf(p.stdout, "%s: not running\n", p.name)
		return nil
	case errors.As(err, &stale):
		fmt.Fprintf(p.stdout, "%s: not running (%v)\n", p.name, stale)
		return nil
	case err != nil:
		return stopError(err)
	case stopped.Killed:
		fmt.Fprintf(p.stdout, "%s: killed, pid %d: it did not end within %v\n", p.name, stopped.Pid, stop.Timeout)
	default:
		fmt.Fprintf(p.stdout, "%s: stopped, pid %d\n", p.name, stopped.Pid)
	}
	return nil
}

func stopError(err error) error {
	if errors.Is(err, syscall.EPERM) {
		return withStatus(exitNoPerm, fmt.Errorf("stop: %w (it belongs to another user)", err))
	}
	return withPermStatus(exitFailure, fmt.Errorf("stop: %w", err))
}
