package main

import (
	"errors"
	"fmt"

	"echod/daemonize"

	"github.com/spf13/cobra"
)

func (p *program) runCommand() *cobra.Command {
	var s settings
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "serve in the foreground, for supervisors, containers and shell jobs",
		Long: "Serve in the foreground, for supervisors, containers and shell jobs.\n" +
			"The log goes to standard error, unless --log-file names a file.",
		Args: noArguments,
	}
	inForeground := d
	inForeground.logFile = logToStderr
	s.addFlags(cmd.Flags(), inForeground)
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := s.resolve(); err != nil {
			return err
		}
		sockets, err := p.takeSockets()
		if clientGone(err) {
			return s.logClientGone(d)
		}
		if err != nil {
			return err
		}
		if err := s.serveSockets(sockets); err != nil {
			return err
		}
		daemon := s.daemon(d)
		daemon.Sockets = sockets
		caught := watchSignals()
		process, err := daemon.Foreground()
		var running *daemonize.RunningError
		if errors.As(err, &running) {
			return withStatus(exitUnavailable, fmt.Errorf("run: %w", running))
		}
		if err != nil {
			return withStatus(startStatus(err), err)
		}
		return serve(&s, d, process, caught)
	}
	return cmd
}
