package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api/client"
)

func newTeardown(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "teardown",
		Short: "take the shaping away and put back what was there before",
		Long: `teardown removes our qdiscs, filters and ifb devices, and puts back the root qdisc that each uplink had before. What
can't be put back is named. The agent runs on without shaping until slicectl apply or its next start.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			report, err := c.Teardown(ctx)
			var b strings.Builder
			for _, what := range report.NotRestored {
				fmt.Fprintf(&b, "not restored: %s\n", indented(what, "  "))
			}
			return b.String(), report, err
		}),
	}
}
