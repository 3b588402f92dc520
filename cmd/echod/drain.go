package main

import (
	"context"
	"fmt"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) drainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "take no new clients; end when the last one has left",
		Long: "Have the server take no new clients and end when the last one has left, or --drain-timeout is over.\n" +
			"This returns at once; 'stop --drain' returns when the server is gone.",
		Args: noArguments,
	}
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, _ []string) error {
		message, err := client.Drain(ctx)
		if err == nil {
			fmt.Fprintf(p.stdout, "%s: %s\n", p.name, oneLine(message))
		}
		return err
	})
}
