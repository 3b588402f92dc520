package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"echod/daemonize"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (p *program) restartCommand() *cobra.Command {
	given := settings{detaches: true}
	var timeout time.Duration
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "rehearse the start, then stop and start",
		Long: "Rehearse the start, then stop the running server and start it again with the flags\n" +
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
		running := lookup{cmd: cmd, defaults: d, pidFile: given.pidFile, socket: socketPath{name: d.name}}
		if err := running.resolve(); err != nil {
			return err
		}
		before, err := previousServer(&running, cmd.Flags().Changed("listen"))
		if err != nil {
			return err
		}
		next := settings{detaches: true}
		flags := pflag.NewFlagSet("start", pflag.ContinueOnError)
		next.addFlags(flags, d)
		if before != nil {
			if err := overrideFlags(flags, before.flags, settingFlags); err != nil {
				return err
			}
		}
		if err := overrideFlags(flags, cmd.Flags(), settingFlags); err != nil {
			return withStatus(exitUsage, err)
		}
		if err := next.resolve(); err != nil {
			return err
		}
		r := restarting{program: p, defaults: d, before: before, next: &next, flags: next.commandLine(flags)}
		return r.run(cmd, &running, daemonize.Stop{Timeout: timeout})
	}
	return cmd
}

// A restarting is a restart whose flags are known.
type restarting struct {
	*program
	defaults defaults
	before   *previous // nil if no server runs
	next     *settings
	flags    []string // the same, for a command line
}

// run leaves a server, if there was one: the one there was, or one with the flags that it had.
func (r *restarting) run(cmd *cobra.Command, running *lookup, stop daemonize.Stop) error {
	if stop.Timeout < 0 {
		return withStatus(exitUsage, fmt.Errorf("parse --timeout %v: want a duration of 0 or more", stop.Timeout))
	}
	if r.before != nil {
		own, err := r.before.has()
		if err != nil {
			return err
		}
		if err := r.rehearse(cmd.Context(), r.next, r.defaults, &rehearsal{by: os.Getpid(), pid: r.before.pid, own: own}, r.flags); err != nil {
			return err
		}
	}
	goOnToTheEnd()
	err := r.stop(cmd, running, stop)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		err = r.stop(cmd, running, stop) // it may have been told to end, and then there is no way back
	}
	if err != nil {
		return err
	}
	err = r.start(r.next, r.defaults, r.flags)
	if err != nil && r.before != nil {
		return r.startAgain(r.before, r.defaults, err)
	}
	return err
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

// overrideFlags gives flags the values that were given on a command line.
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
