package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

const defaultSocket = "/run/sliced/sliced.sock"

// completeTimeout bounds what the shell's tab key waits for the agent.
const completeTimeout = time.Second

// options are the flags of all verbs.
type options struct {
	socket string
	json   bool
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:                   "slicectl [--socket PATH] [--json] VERB",
		DisableFlagsInUseLine: true,

		Short: "show and steer the slicing of this box's uplinks",
		Long: `slicectl shows and steers the slicing of this box's uplinks. It talks to the agent, sliced, over its socket.

Exit status: 0 done, 1 failed, 2 bad use or bad values, 3 the agent can't be reached.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(*cobra.Command, []string) error { return badUse("no verb given") },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.socket, "socket", defaultSocket, "`PATH` of the agent's socket; view.sock beside it is enough to look")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	root.AddCommand(newStatus(o), newSlice(o), newExplain(o), newClassify(o), newDoctor(o), newTeardown(o), newTop(o), newWait(o),
		newVersion(o))
	root.AddCommand(newPlan(o), newApply(o), newConfirm(o), newRollback(o), newUplink(o), newPause(o), newResume(o))
	root.SetHelpCommand(newHelp())
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Short = "print the completion script of a shell"
	}
	return root
}

// newHelp differs from cobra's own in that a verb that does not exist is bad use.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]",
		Short: "say how a verb is used",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return badUse("no such verb: %q", args)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// verb is the body of a subcommand: what it prints, as text and as JSON.
type verb func(ctx context.Context, c *client.Client, args []string) (text string, v any, err error)

// runE prints what a verb gives in the form that was asked for.
func (o *options) runE(do verb) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		text, v, err := do(cmd.Context(), client.New(o.socket), args)
		if err != nil {
			return judge(err)
		}
		if o.json {
			b, err := api.Encode(v)
			if err != nil {
				return judge(err)
			}
			text = string(b) + "\n"
		}
		if _, err := fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
			return judge(fmt.Errorf("write output: %w", err))
		}
		return nil
	}
}

// takes checks the number of arguments, and names those that are wanted when it is wrong.
func takes(least, most int, names string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch n := len(args); {
		case n >= least && n <= most:
			return nil
		case most == 0:
			return fmt.Errorf("takes no arguments, got %q", args)
		case n < least:
			return fmt.Errorf("too few arguments: want %s", names)
		default:
			return fmt.Errorf("too many arguments: want %s, got %q", names, args)
		}
	}
}

// namesFrom completes with names out of the agent's status. Without an agent there are none.
func (o *options) namesFrom(pick func(client.Status) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), completeTimeout)
		defer cancel()
		status, err := client.New(o.socket).Status(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return pick(status), cobra.ShellCompDirectiveNoFileComp
	}
}
