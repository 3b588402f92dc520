package main

import (
	"syscall"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) drainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "take no new clients; end when the last one has left",
		Long: "Have the server take no new clients and end when the last one has left, or --drain-timeout is over.\n" +
			"This returns at once; 'stop --drain' returns when the server is gone.",
	}
	return p.orderingVerb(cmd, (*control.Client).Drain, syscall.SIGQUIT)
}
