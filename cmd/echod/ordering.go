package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"echod/daemonize"
	"echod/server/control"

	"github.com/spf13/cobra"
)

// An ordering is a verb that gives the server an order and prints the answer.
type ordering struct {
	*program
	caller
	order func(*control.Client, context.Context) (string, error)
	sig   syscall.Signal // means the same, to a server without a control socket
}

func (p *program) orderingVerb(cmd *cobra.Command, order func(*control.Client, context.Context) (string, error), sig syscall.Signal) *cobra.Command {
	o := &ordering{program: p, order: order, sig: sig}
	o.addFlags(cmd, defaultsFor(p.name))
	cmd.Args = noArguments
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.socket.given && o.socket.path == "" && o.pidFile != "" {
			return o.signal(cmd)
		}
		return o.run(cmd, args, o.call)
	}
	return cmd
}

func (o *ordering) call(ctx context.Context, client *control.Client, _ []string) error {
	answer, err := o.order(client, ctx)
	if err == nil {
		o.sayf("%s", answer)
	}
	return err
}

// signal sends the signal. Nothing tells what comes of it, but the log.
func (o *ordering) signal(cmd *cobra.Command) error {
	if err := o.resolve(); err != nil {
		return withStatus(exitUsage, err)
	}
	found, err := o.findOne()
	pid := 0
	if err == nil {
		pid, err = daemonize.Signal(cmd.Context(), found.pidFile, o.sig)
	}
	switch {
	case isNotRunning(err):
		return withStatus(exitUnavailable, fmt.Errorf("%s: %w", cmd.Name(), err))
	case errors.Is(err, syscall.EPERM):
		return withStatus(exitNoPerm, fmt.Errorf("%s: %w (it belongs to another user)", cmd.Name(), err))
	case err != nil:
		return withStatus(lookupStatus(err), fmt.Errorf("%s: %w", cmd.Name(), err))
	}
	o.sayf("signal %v sent to pid %d", o.sig, pid)
	return nil
}
