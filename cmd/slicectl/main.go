package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitBadUse      = 2
	exitUnreachable = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintf(stderr, "slicectl: %s\n", indented(err.Error(), "  "))
	status := exitStatus(err)
	if status == exitBadUse {
		_, _ = fmt.Fprintf(stderr, "see %s --help\n", cmd.CommandPath())
	}
	return status
}

// failure is the error of a verb that has run, with the exit status that it deserves.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func badUse(format string, args ...any) error {
	return &failure{status: exitBadUse, err: fmt.Errorf(format, args...)}
}

// judge gives a verb's error its exit status, if it has none.
func judge(err error) error {
	var judged *failure
	switch {
	case err == nil, errors.As(err, &judged):
		return err
	case errors.Is(err, client.ErrUnreachable):
		return &failure{status: exitUnreachable, err: err}
	case errors.Is(err, client.ErrInvalid):
		return &failure{status: exitBadUse, err: err}
	}
	return &failure{status: exitFailed, err: err}
}

// exitStatus takes an error that no verb gave for bad use: cobra found it in the arguments.
func exitStatus(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.status
	}
	return exitBadUse
}
