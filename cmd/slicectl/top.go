package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/top"
)

func newTop(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "top",
		Short: "watch the slices live, and retune them",
		Long: `top shows, once a second, what each slice of an uplink moves against its min and max, how long its packets wait, how many
are dropped, and which devices move most. Keys choose a slice and change its bounds, as slicectl slice set does; ? explains
the screen. It needs a terminal of at least 72×16, with or without colours. For scripts there is slicectl status --json.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.json {
				return badUse("top has no --json: slicectl status --json gives its figures")
			}
			if !isTerminal(os.Stdin) || !isTerminal(os.Stdout) {
				return badUse("top needs a terminal: use slicectl status where there is none")
			}
			return judge(watch(cmd.Context(), client.New(o.socket)))
		},
	}
}

// watch shows the screen until a key ends it. An agent that is away at the start is an error; later it may come and go.
func watch(ctx context.Context, c *client.Client) error {
	if _, err := c.Status(ctx); err != nil {
		return err
	}
	_, err := tea.NewProgram(top.New(c), tea.WithContext(ctx)).Run()
	switch {
	case err == nil, errors.Is(err, tea.ErrInterrupted):
		return nil
	}
	return fmt.Errorf("show screen: %w", err)
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
