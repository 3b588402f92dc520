package main

import (
	"context"
	"fmt"
	"strconv"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) disconnectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "disconnect ID",
		Short: "end a client's connection",
		Long: "End the connection with the number ID, as the verb connections and the log have it. What was read\n" +
			"from the client is still sent.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, fmt.Errorf("disconnect: want one id, got %d arguments", len(args)))
			}
			if _, err := strconv.ParseUint(args[0], 10, 64); err != nil {
				return usageError(cmd, fmt.Errorf("disconnect %q: want a number, as the verb connections shows it", args[0]))
			}
			return nil
		},
	}
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, args []string) error {
		id, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil {
			return err
		}
		return client.Disconnect(ctx, id)
	})
}
