package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newUplink(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uplink set|reset",
		Short: "change how fast links are, live",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return nil
		},
		DisableFlagsInUseLine: true,

		RunE: func(*cobra.Command, []string) error { return badUse("say what to do: set or reset") },
	}
	cmd.AddCommand(newUplinkSet(o), newUplinkReset(o))
	return cmd
}

func newUplinkSet(o *options) *cobra.Command {
	var change client.UplinkChange
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:   "set NAME [--download R] [--upload R]",
		Short: "change a link's rates",
		Long: `set changes the rates that an uplink is shaped to, such as 20mbit, or off. Slices that are shares of the link follow. The
change is made in place, loses no packet, and stays in force over restarts until slicectl uplink reset. A rate for
which the minima of the slices are too much is refused.`,
		Example: `  slicectl uplink set lte --download 18mbit --upload 4mbit
  slicectl uplink set fibre --download off`,
		Args:                  takes(1, 1, "NAME"),
		ValidArgsFunction:     firstOnly(o.namesFrom(uplinkNames)),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
			if err := valuesGiven(cmd, "download", "upload"); err != nil {
				return "", nil, err
			}
			if change.Download == "" && change.Upload == "" {
				return "", nil, badUse("nothing to change: give --download or --upload")
			}
			change.Name = args[0]
			return "", api.Done{}, c.SetUplink(ctx, change)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&change.Download, "download", "", "`RATE` from the Internet, or off")
	flags.StringVar(&change.Upload, "upload", "", "`RATE` to the Internet, or off")
	completeNothing(cmd, "download")
	completeNothing(cmd, "upload")
	return cmd
}

func newUplinkReset(o *options) *cobra.Command {
	return &cobra.Command{
		Use:                   "reset [NAME]",
		Short:                 "take changes back",
		Long:                  `reset gives an uplink, or without a name all uplinks, the rates that the configuration file says.`,
		Args:                  takes(0, 1, "at most NAME"),
		ValidArgsFunction:     firstOnly(o.namesFrom(uplinkNames)),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
			name := ""
			if len(args) == 1 {
				if name = args[0]; name == "" {
					return "", nil, badUse("the name is empty: leave it out for all uplinks")
				}
			}
			return "", api.Done{}, c.ResetUplink(ctx, name)
		}),
	}
}

func uplinkNames(s client.Status) []string {
	var names []string
	for _, u := range s.Uplinks {
		names = append(names, u.Name)
	}
	return names
}
