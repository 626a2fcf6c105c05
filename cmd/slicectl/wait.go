package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newWait(o *options) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait [--timeout D]",
		Short: "wait until the agent is ready",
		Long: `wait asks until the agent's first apply is done. An uplink that is waiting or foreign does not hold it up. When the
time is over the exit status is 1, whether or not there is an agent.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			if timeout <= 0 {
				return "", nil, badUse("--timeout %s: must be above 0s", timeout)
			}
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			if err := c.Wait(ctx); err != nil {
				return "", nil, &failure{status: exitFailed, err: fmt.Errorf("waited %s: %w", timeout, err)}
			}
			return "", api.Done{}, nil
		}),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to ask, a `DURATION` such as 90s")
	completeNothing(cmd, "timeout")
	return cmd
}
