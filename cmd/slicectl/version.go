package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newVersion(o *options) *cobra.Command {
	return &cobra.Command{
		Use:                   "version",
		Short:                 "say which build this is",
		Long:                  `version prints the release and the commit of slicectl. It needs no agent.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(context.Context, *client.Client, []string) (string, any, error) {
			v := api.Build()
			return fmt.Sprintf("slicectl %s (commit %s)\n", v.Program, v.Commit), v, nil
		}),
	}
}
