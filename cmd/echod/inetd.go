package main

import (
	"fmt"
	"log/slog"
	"time"

	"echod/daemonize"
	"echod/logging"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inetdIdleExit is how long a wait service stays without clients: starting one for each
// burst of clients costs little, and one that stays costs little more.
const inetdIdleExit = 60 * time.Second

// inetdFlags are the flags that mean something to a process whose socket is there already.
var inetdFlags = [...]string{
	"log-file", "log-level", "log-format", "user", "chroot", "work-dir", "umask",
	"idle-timeout", "drain-timeout", "idle-exit",
}

func (p *program) inetdCommand() *cobra.Command {
	var s settings
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:   "inetd",
		Short: "serve the socket on standard input, for inetd and xinetd",
		Long: "Serve the socket on standard input, for inetd and xinetd: a connection (nowait), or a\n" +
			"listening or datagram socket (wait), until there was no client for --idle-exit. Nothing\n" +
			"but the echo is ever written to it. This is also what happens without a verb when standard\n" +
			"input is a socket.",
		Args: noArguments,
	}
	all := pflag.NewFlagSet(cmd.Use, pflag.ContinueOnError)
	s.addFlags(all, d)
	cmd.Flags().SortFlags = false
	for _, name := range inetdFlags {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	idleExit := all.Lookup("idle-exit")
	idleExit.DefValue = inetdIdleExit.String()
	idleExit.Value.Set(idleExit.DefValue)
	cmd.RunE = func(*cobra.Command, []string) error { return p.inetd(&s, d) }
	return cmd
}

func (p *program) inetd(s *settings, d defaults) error {
	s.pidFile, s.inetd = "", true
	if err := s.resolve(); err != nil {
		return err
	}
	if p.inputErr != nil {
		if clientGone(p.inputErr) {
			return s.logClientGone(d)
		}
		return withStatus(handedStatus(p.inputErr), p.inputErr)
	}
	daemon := s.daemon(d)
	daemon.Sockets = []*daemonize.Socket{p.input}
	caught := watchSignals()
	process, err := daemon.Foreground()
	if err != nil {
		return withStatus(startStatus(err), err)
	}
	p.serving = true
	return serve(s, d, process, caught)
}

// logClientGone notes that a client left before it could be served.
func (s *settings) logClientGone(d defaults) error {
	log, err := s.openLog(d)
	if err != nil {
		return nil // the client is gone, and nobody else waits for this process
	}
	log.Info("client gone before it was served", "remote", remoteFromEnvironment())
	return log.close()
}

// takeStandardInput takes the socket away from standard input before anything else happens, so that
// nothing but the echo gets there.
func (p *program) takeStandardInput() {
	p.input, p.inputErr = daemonize.StandardInput()
}

// logFailure writes to the log why a process that was started by inetd(8) does not serve: its
// standard error may have been the client.
func (p *program) logFailure(err error) {
	file, openErr := logging.OpenFile(defaultsFor(p.name).logFile, logging.Options{})
	if openErr != nil {
		return
	}
	slog.New(file.Handler()).Error("not started", "error", err)
	if err := file.Close(); err != nil {
		fmt.Fprintln(p.stderr, logging.Printable(err.Error()))
	}
}
