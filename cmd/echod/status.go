package main

import (
	"errors"
	"fmt"

	"echod/daemonize"

	"github.com/spf13/cobra"
)

// Exit statuses of the verb status, from the Linux Standard Base.
const (
	statusRunning    = 0
	statusDead       = 1 // and its pid file is there
	statusNotRunning = 3
	statusUnknown    = 4
)

func (p *program) statusCommand() *cobra.Command {
	var pidFile string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "tell whether the server runs",
		Long: "Tell whether the server runs. Exit status: 0 it runs, 1 it is dead but its pid file\n" +
			"is there, 3 it does not run, 4 cannot tell.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return p.status(pidFile) },
	}
	addPidFileFlag(cmd, &pidFile, defaultsFor(p.name))
	return cmd
}

func (p *program) status(pidFile string) error {
	if err := needPidFile("status", pidFile); err != nil {
		return withStatus(statusUnknown, err)
	}
	holder, err := daemonize.Find(pidFile)
	var stale *daemonize.StaleError
	switch {
	case errors.Is(err, daemonize.ErrNotRunning):
		fmt.Fprintf(p.stdout, "%s: not running\n", p.name)
		return said(statusNotRunning)
	case errors.As(err, &stale):
		fmt.Fprintf(p.stdout, "%s: not running: %v\n", p.name, stale)
		return said(statusDead)
	case err != nil:
		return withStatus(statusUnknown, err)
	case !holder.Ready:
		fmt.Fprintf(p.stdout, "%s: starting, pid %d\n", p.name, holder.Pid)
	default:
		fmt.Fprintf(p.stdout, "%s: running, pid %d\n", p.name, holder.Pid)
	}
	return nil
}
