package main

import (
	"syscall"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) reopenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reopen",
		Short: "have the log file opened again, after it was renamed",
		Long: "Have the log file opened again, after it was renamed. When this returns with status 0, the old\n" +
			"file is not written to any more.",
	}
	return p.orderingVerb(cmd, (*control.Client).Reopen, syscall.SIGUSR1)
}
