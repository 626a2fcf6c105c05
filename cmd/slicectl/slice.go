package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newSlice(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slice set|reset",
		Short: "change what slices may use, live",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return nil
		},
		DisableFlagsInUseLine: true,

		RunE: func(*cobra.Command, []string) error { return badUse("say what to do: set or reset") },
	}
	cmd.AddCommand(newSliceSet(o), newSliceReset(o))
	return cmd
}

func newSliceSet(o *options) *cobra.Command {
	var change client.SliceChange
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:   "set NAME [--uplink U] [--min R] [--max R]",
		Short: "change a slice's bounds",
		Long: `set changes how much of the uplink a slice is sure of (min) and may take at most (max). Each is a rate, such as
8mbit, or a share of the link, such as 40%. The change is made in place, loses no packet, and stays in force over
restarts until slicectl slice reset.`,
		Example: `  slicectl slice set realtime --min 60%
  slicectl slice set telemetry --max 2mbit --uplink lte`,
		Args:                  takes(1, 1, "NAME"),
		ValidArgsFunction:     firstOnly(o.namesFrom(sliceNames)),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
			if err := valuesGiven(cmd, "uplink", "min", "max"); err != nil {
				return "", nil, err
			}
			if change.Min == "" && change.Max == "" {
				return "", nil, badUse("nothing to change: give --min or --max")
			}
			change.Name = args[0]
			return "", api.Done{}, c.SetSlice(ctx, change)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&change.Uplink, "uplink", "", "`NAME` of the only uplink to change (default all)")
	flags.StringVar(&change.Min, "min", "", "`RATE` or share that the slice is sure of")
	flags.StringVar(&change.Max, "max", "", "`RATE` or share that the slice may take at most")
	o.completeUplink(cmd)
	completeNothing(cmd, "min")
	completeNothing(cmd, "max")
	return cmd
}

func newSliceReset(o *options) *cobra.Command {
	var uplink string
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:                   "reset [NAME] [--uplink U]",
		Short:                 "take changes back",
		Long:                  `reset gives a slice, or without a name all slices, the bounds that the configuration file says.`,
		Args:                  takes(0, 1, "at most NAME"),
		ValidArgsFunction:     firstOnly(o.namesFrom(sliceNames)),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
			name := ""
			if len(args) == 1 {
				if name = args[0]; name == "" {
					return "", nil, badUse("the name is empty: leave it out for all slices")
				}
			}
			if err := valuesGiven(cmd, "uplink"); err != nil {
				return "", nil, err
			}
			return "", api.Done{}, c.ResetSlice(ctx, name, uplink)
		}),
	}
	cmd.Flags().StringVar(&uplink, "uplink", "", "`NAME` of the only uplink to change (default all)")
	o.completeUplink(cmd)
	return cmd
}

// valuesGiven refuses a flag that was given without a value: a script's empty variable must not mean "all" or "leave".
func valuesGiven(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return badUse("--%s is empty: give a value, or leave the flag out", name)
		}
	}
	return nil
}

func (o *options) completeUplink(cmd *cobra.Command) {
	mustRegister(cmd, "uplink", o.namesFrom(uplinkNames))
}

func completeNothing(cmd *cobra.Command, flag string) {
	mustRegister(cmd, flag, cobra.NoFileCompletions)
}

// mustRegister fails only for a flag that the code above it does not define.
func mustRegister(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(errors.Join(errors.New("register completion"), err))
	}
}

// sliceNames gives each name once, in the agent's order.
func sliceNames(s client.Status) []string {
	var names []string
	for _, row := range s.Slices {
		if !slices.Contains(names, row.Name) {
			names = append(names, row.Name)
		}
	}
	return names
}

// firstOnly completes the first argument alone.
func firstOnly(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, toComplete)
	}
}
