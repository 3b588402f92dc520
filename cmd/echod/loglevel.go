package main

import (
	"context"
	"fmt"

	"echod/logging"
	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) logLevelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log-level [LEVEL]",
		Short: "print the level of the log, or change it",
		Long: "Print the level of the running server's log, or change it until the server ends. The levels are\n" +
			"debug, info, warn and error.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(cmd, fmt.Errorf("log-level: unexpected argument %q", args[1]))
			}
			return nil
		},
		ValidArgs: []string{"debug", "info", "warn", "error"},
	}
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, args []string) error {
		if len(args) == 1 {
			return client.SetLogLevel(ctx, args[0])
		}
		level, err := client.LogLevel(ctx)
		if err == nil {
			fmt.Fprintln(p.stdout, logging.Printable(level))
		}
		return err
	})
}
