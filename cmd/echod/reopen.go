package main

import (
	"context"
	"fmt"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) reopenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reopen",
		Short: "have the log file opened again, after it was renamed",
		Long: "Have the log file opened again, after it was renamed. When this returns with status 0, the old\n" +
			"file is not written to any more.",
		Args: noArguments,
	}
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, _ []string) error {
		message, err := client.Reopen(ctx)
		if err == nil {
			fmt.Fprintf(p.stdout, "%s: %s\n", p.name, oneLine(message))
		}
		return err
	})
}
