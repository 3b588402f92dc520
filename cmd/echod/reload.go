package main

import (
	"syscall"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "have the log reopened and the configuration read again",
		Long: "Have the log reopened and the configuration read again. If the new one is wrong, the server goes\n" +
			"on with the one it has. There is no configuration file yet: only the log is reopened.",
	}
	return p.orderingVerb(cmd, (*control.Client).Reload, syscall.SIGHUP)
}
