// Echod is an echo server (RFC 862) that makes itself a daemon. See echod(8).
package main

import (
	"io"
	"os"
	"path/filepath"

	"echod/daemonize"

	"github.com/spf13/cobra"
)

func main() {
	if !daemonize.Detached() {
		// It comes from outside. Detach would refuse it, restart after it has stopped the server.
		os.Unsetenv("DAEMONIZE_SECRET")
	}
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// A program is what the verbs share: what it was called as, and where it speaks.
type program struct {
	name   string   // the last element of args[0]; it is also the instance's name
	args   []string // the whole command line
	stdout io.Writer
	stderr io.Writer

	sockets      []*daemonize.Socket // from a service manager
	socketsErr   error               // why there are none
	socketsTaken bool                // whether that has been found out

	input    *daemonize.Socket // from inetd(8), for the verb inetd
	inputErr error             // why there is no input
	serving  bool              // the verb inetd has come so far that errors are in its log
}

func run(args []string, stdout, stderr io.Writer) int {
	args = named(args)
	p := &program{name: filepath.Base(args[0]), args: args, stdout: stdout, stderr: stderr}
	verb := args[1:]
	if len(verb) == 0 {
		v, err := p.verbWithoutArguments()
		if err != nil {
			return p.report(err)
		}
		if v != "" {
			verb = []string{v}
		}
	}
	inetd := len(verb) > 0 && verb[0] == "inetd"
	if inetd {
		p.takeStandardInput()
	}
	root := p.rootCommand()
	root.SetArgs(verb)
	err := root.Execute()
	if err != nil && inetd && !p.serving {
		p.logFailure(err)
	}
	return p.report(err)
}

// named gives a command line without the name of a program, as execve(2) allows, that of echod.
func named(args []string) []string {
	if len(args) == 0 {
		return []string{"echod"}
	}
	if name := filepath.Base(args[0]); name == "." || name == "/" {
		return append([]string{"echod"}, args[1:]...)
	}
	return args
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   p.name,
		Short: "echo server that makes itself a daemon",
		Long: "An echo server (RFC 862) that makes itself a daemon, says so only when it serves,\n" +
			"and writes what it does to a log file. See echod(8).",
		Args:          noSuchVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	root.AddCommand(
		p.worksFirst(p.startCommand()),
		p.runCommand(),
		p.inetdCommand(),
		p.worksFirst(p.stopCommand()),
		p.worksFirst(p.restartCommand()),
		p.worksFirst(p.rehearseCommand()),
		p.worksFirst(p.statusCommand()),
		p.connectionsCommand(),
		p.worksFirst(p.disconnectCommand()),
		p.topCommand(),
		p.worksFirst(p.logLevelCommand()),
		p.worksFirst(p.reopenCommand()),
		p.worksFirst(p.reloadCommand()),
		p.worksFirst(p.drainCommand()),
		p.pingCommand(),
		p.benchCommand(),
		p.versionCommand(),
		p.completionCommand(),
	)
	root.SetHelpCommand(p.helpCommand())
	return root
}
