package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand takes the place of cobra's, which helps with what there is not.
func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [VERB]",
		Short:             "print help, for a verb if one is given",
		ValidArgsFunction: completeVerb,
		RunE: func(cmd *cobra.Command, args []string) error {
			verb, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError(cmd.Root(), fmt.Errorf("help %q: no such verb", strings.Join(args, " ")))
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
	}
}

func completeVerb(cmd *cobra.Command, args []string, _ string) (verbs []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, verb := range cmd.Root().Commands() {
		if verb.IsAvailableCommand() {
			verbs = append(verbs, verb.Name())
		}
	}
	return verbs, cobra.ShellCompDirectiveNoFileComp
}
