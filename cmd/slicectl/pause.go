package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newPause(o *options) *cobra.Command {
	var d time.Duration
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:   "pause [--for D]",
		Short: "take the shaping away for a while",
		Long: `pause removes our qdiscs, filters and ifb devices until slicectl resume, or for as long as --for says. What teardown puts
back is remembered. A restart of the agent keeps the pause, a reboot ends it. After teardown there is nothing to pause, and
pause is refused.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			if err := durationGiven(cmd, "for", d); err != nil {
				return "", nil, err
			}
			return "", api.Done{}, c.Pause(ctx, d)
		}),
	}
	cmd.Flags().DurationVar(&d, "for", 0, "resume by itself after a `DURATION` such as 10m")
	completeNothing(cmd, "for")
	return cmd
}

func newResume(o *options) *cobra.Command {
	return &cobra.Command{
		Use:                   "resume",
		Short:                 "shape again after pause",
		Long:                  `resume brings back the shaping that pause took away; after teardown it is apply that does. Where there is shaping it changes nothing.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			return "", api.Done{}, c.Resume(ctx)
		}),
	}
}

// durationGiven refuses a time that the agent would not take, before it is asked.
func durationGiven(cmd *cobra.Command, flag string, d time.Duration) error {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	if err := api.CheckDuration(d); err != nil {
		return badUse("--%s %s: %w", flag, d, err)
	}
	return nil
}
