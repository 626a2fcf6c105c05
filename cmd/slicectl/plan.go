package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/config"
)

func newPlan(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "plan [FILE]",
		Short: "show what apply would do now",
		Long: `plan compares what FILE asks for, or without FILE the agent's own configuration as it is on the disk now, with what the
kernel has, and shows each step that apply would take. It changes nothing. Live changes are on top, as
always. What apply could not shape yet is named on stderr.`,
		Args:                  takes(0, 1, "at most FILE"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			var p client.Plan
			show := o.runE(func(ctx context.Context, c *client.Client, args []string) (string, any, error) {
				file, err := fileIn(args)
				if err != nil {
					return "", nil, err
				}
				p, err = c.Plan(ctx, file)
				return stepsText(p.Steps), p, err
			})
			if err := show(cmd, args); err != nil {
				return err
			}
			tellProblems(cmd, p.Problems)
			return nil
		},
	}
}

// fileIn reads the file that was named; nil when none was.
func fileIn(args []string) (*client.File, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if args[0] == "" {
		return nil, badUse("the file's name is empty: leave it out for the agent's own configuration")
	}
	text, err := config.Read(args[0])
	if read := new(config.ReadError); errors.As(err, &read) {
		read.Of.Hint = "" // it names flags of sliced
	}
	if err != nil {
		return nil, &failure{status: exitBadUse, err: err}
	}
	return &client.File{Name: args[0], Text: text}, nil
}

func stepsText(steps []client.Step) string {
	if len(steps) == 0 {
		return "no changes\n"
	}
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(stepText(s) + "\n")
	}
	return b.String()
}

// stepText is a step in one line.
func stepText(s client.Step) string {
	return clean(strings.Join(strings.Fields(fmt.Sprintln(s.Op, s.Kind, s.Dev, s.Object, s.Text)), " "))
}
