package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newExplain(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "explain udp|tcp SRC:PORT DST:PORT",
		Short: "say why a flow is in its slice",
		Long: `explain says which slice a flow is in, and why. SRC is the venue's end, before NAT; the tuple after NAT, either way
round, finds the same flow. A flow that is not live gets what its first packet would.`,
		Example: `  slicectl explain udp 10.0.0.5:50004 203.0.113.7:8801
  slicectl explain tcp [2001:db8::5]:40000 [2001:db8:1::7]:443`,
		Args: takes(3, 3, "udp|tcp SRC:PORT DST:PORT"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"udp", "tcp"}, cobra.ShellCompDirectiveNoFileComp
		},
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
			q, err := api.ParseQuestion(args[0], args[1], args[2])
			if err != nil {
				return "", nil, err
			}
			e, err := c.Explain(ctx, q)
			return explanationText(e), e, err
		}),
	}
}

func explanationText(e client.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, by %s\n", clean(e.Slice), clean(e.Kind), clean(e.Reason))
	live, settles := "live", fmt.Sprintf("after %d packets", e.PacketsToSettle)
	switch {
	case !e.Live:
		live, settles = "not live: this is what its first packet would get", ""
	case e.PacketsToSettle == 0:
		settles = "not yet"
	case e.PacketsToSettle == 1:
		settles = "with its first packet"
	}
	for _, line := range [][2]string{
		{"detail", e.Detail}, {"flow", live}, {"settles", settles}, {"device", e.Device}, {"experience", e.Experience},
	} {
		if line[1] == "" {
			line[1] = "-"
		}
		fmt.Fprintf(&b, "  %-12s%s\n", line[0], clean(line[1]))
	}
	return b.String()
}
