package main

import (
	"context"
	"fmt"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "have the log reopened and the configuration read again",
		Long: "Have the log reopened and the configuration read again. If the new one is wrong, the server goes\n" +
			"on with the one it has. There is no configuration file yet: only the log is reopened.",
		Args: noArguments,
	}
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, _ []string) error {
		message, err := client.Reload(ctx)
		if err == nil {
			fmt.Fprintf(p.stdout, "%s: %s\n", p.name, oneLine(message))
		}
		return err
	})
}
