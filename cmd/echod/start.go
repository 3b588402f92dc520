package main

import (
	"errors"

	"echod/daemonize"

	"github.com/spf13/cobra"
)

func (p *program) startCommand() *cobra.Command {
	s := settings{detaches: true}
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:   "start",
		Short: "become a daemon; return when it serves",
		Args:  noArguments,
	}
	s.addFlags(cmd.Flags(), d)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.resolve(); err != nil {
			return err
		}
		if found := runsElsewhere(cmd, d); found != nil {
			p.sayf("already running, %v", found)
			return nil
		}
		sockets, err := p.takeSockets()
		if err != nil {
			return err
		}
		if hasClient(sockets) {
			return withStatus(exitConfig, errors.New("start: a connected socket was handed over, which is for the verb run"))
		}
		if err := s.serveSockets(sockets); err != nil {
			return err
		}
		if len(sockets) > 0 {
			s.listen = nil // by this, restart tells a daemon that it cannot start again
		}
		return p.start(&s, d, s.commandLine(cmd.Flags()))
	}
	return cmd
}

// runsElsewhere returns the instance at another default place than the pid file that start would
// lock, or one whose pid file is gone. What is at that pid file, Detach finds out. The daemon is
// told its pid file, and does not look for itself.
func runsElsewhere(cmd *cobra.Command, d defaults) *instance {
	if cmd.Flags().Changed("pid-file") {
		return nil
	}
	l := lookup{cmd: cmd, defaults: d, socket: socketPath{name: d.name}}
	if l.resolve() != nil {
		return nil
	}
	found, err := l.find()
	if err != nil || found.pidFile == d.pidFile && !found.bySocket {
		return nil // what is in doubt is for the start to find
	}
	return found
}

// start returns in the launcher when the daemon serves, and in the daemon when it has ended.
func (p *program) start(s *settings, d defaults, flags []string) error {
	daemon := s.daemon(d)
	daemon.Args = append([]string{p.args[0], "start"}, flags...)
	daemon.Sockets = p.sockets
	daemon.ExitStatus = startStatus
	daemon.Output = p.stderr
	caught := new(signals)
	if daemonize.Detached() {
		caught.watch()
	}
	made := s.missingLog()
	process, launched, err := daemon.Detach()
	var running *daemonize.RunningError
	var failed *daemonize.StartError
	switch {
	case launched != nil:
		p.sayf("%s", launched.Message)
		return nil
	case errors.As(err, &running):
		p.sayf("%v", running)
		return nil
	case errors.As(err, &failed):
		s.removeLeftovers(made)
		return withStatus(failed.Status, failed)
	case err != nil:
		return withStatus(startStatus(err), err)
	}
	return serve(s, d, process, caught)
}

// startStatus is the exit status for what keeps a process from becoming a daemon.
func startStatus(err error) int {
	var variable *daemonize.VariableError
	if errors.As(err, &variable) {
		return exitUsage
	}
	var foreign *daemonize.ForeignError
	var unproven *daemonize.UnprovenError
	if errors.As(err, &foreign) || errors.As(err, &unproven) || cannotCreate(err) {
		return exitCantCreate
	}
	return statusOf(withPermStatus(exitSystem, err))
}
