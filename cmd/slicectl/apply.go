package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newApply(o *options) *cobra.Command {
	var confirm time.Duration
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:   "apply [FILE] [--confirm D]",
		Short: "put a configuration in force",
		Long: `apply puts FILE in force, and shows what was done. FILE stays in force, over restarts too, until the agent reloads its own
file (SIGHUP) or until apply without FILE, which reads that file anew. It also shapes again after pause and teardown.

With --confirm D all goes back by itself to what was in force before, unless slicectl confirm comes within D: also when the
agent is killed or the box restarts meanwhile. Another apply --confirm begins the time anew, and goes back just as far;
apply without --confirm stays, and ends the waiting. Live changes (slice set, uplink set) stay on top.

When the kernel refuses a step the exit status is 1; the agent goes on trying. What can't be shaped yet, such as an uplink whose
interface is not there, is named on stderr, and no failure.`,
		Example: `  slicectl apply evening.toml --confirm 60s
  slicectl confirm`,
		Args:                  takes(0, 1, "at most FILE"),
		DisableFlagsInUseLine: true,
		RunE: o.runApplied(func(ctx context.Context, c *client.Client, args []string) (client.Applied, error) {
			if err := durationGiven(cmd, "confirm", confirm); err != nil {
				return client.Applied{}, err
			}
			file, err := fileIn(args)
			if err != nil {
				return client.Applied{}, err
			}
			return c.Apply(ctx, file, confirm)
		}),
	}
	cmd.Flags().DurationVar(&confirm, "confirm", 0, "go back unless confirmed within a `DURATION` such as 60s")
	completeNothing(cmd, "confirm")
	return cmd
}

func newConfirm(o *options) *cobra.Command {
	return &cobra.Command{
		Use:                   "confirm",
		Short:                 "keep what apply --confirm put in force",
		Long:                  `confirm keeps the change that waits for it. When none does, perhaps since its time is over, the exit status is 1.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			return "", api.Done{}, c.Confirm(ctx)
		}),
	}
}

func newRollback(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback",
		Short: "take back what apply --confirm put in force",
		Long: `rollback takes the change back that waits for confirm, without waiting for its time to end, and shows what was done. When
none waits the exit status is 1.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runApplied(func(ctx context.Context, c *client.Client, _ []string) (client.Applied, error) {
			return c.Rollback(ctx)
		}),
	}
}

// runApplied prints what was done, also when something failed: then it ends with that.
func (o *options) runApplied(do func(ctx context.Context, c *client.Client, args []string) (client.Applied, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		var a client.Applied
		show := o.runE(func(ctx context.Context, c *client.Client, args []string) (_ string, _ any, err error) {
			a, err = do(ctx, c, args)
			return appliedText(a), a, err
		})
		if err := show(cmd, args); err != nil {
			return err
		}
		tellProblems(cmd, a.Problems)
		return failedSteps(a)
	}
}

func appliedText(a client.Applied) string {
	var b strings.Builder
	if len(a.Steps) > 0 || len(a.Failed) == 0 {
		b.WriteString(stepsText(a.Steps))
	}
	if a.ConfirmS != nil {
		within := time.Duration(*a.ConfirmS * float64(time.Second))
		fmt.Fprintf(&b, "goes back in %s unless confirmed: slicectl confirm\n", within)
	}
	return b.String()
}

// tellProblems says what is not in force, and what to do about it: where it is all there is to say, no changes would pass for all is well.
func tellProblems(cmd *cobra.Command, problems []client.Problem) {
	for _, p := range problems {
		fmt.Fprintf(cmd.ErrOrStderr(), "slicectl: warning: %s\n  do: %s\n", indented(p.What, "  "), indented(p.Do, "    "))
	}
}

// failedSteps is what an apply ends with when not all of it was done.
func failedSteps(a client.Applied) error {
	if len(a.Failed) == 0 {
		return nil
	}
	lines := []string{"in force, but not all of it is done; the agent goes on trying:"}
	for _, f := range a.Failed {
		if step := stepText(f.Step); step != "" {
			lines = append(lines, step+": "+f.Error)
		} else {
			lines = append(lines, f.Error)
		}
	}
	return &failure{status: exitFailed, err: errors.New(strings.Join(lines, "\n"))}
}
