package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|fish|powershell|zsh",
		Short: "print a completion script for a shell",
		Long: "Print a completion script for a shell. To have completion in a running bash or zsh:\n" +
			"  source <(" + p.name + " completion bash)\n" +
			"For every new shell, put the script where the shell looks for such scripts.",
		ValidArgs: []string{"bash", "fish", "powershell", "zsh"},
		Args:      oneShell,
		RunE: func(cmd *cobra.Command, args []string) error {
			return printCompletion(cmd.Root(), args[0], p.stdout)
		},
	}
}

func oneShell(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("completion: want one argument, the name of a shell"))
}

func printCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	case "zsh":
		return root.GenZshCompletion(w)
	}
	return withStatus(exitUsage, fmt.Errorf("completion: no script for shell %q, only for bash, fish, powershell and zsh", shell))
}
