package task_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/task"
)

var errBroken = errors.New("broken")

func untilCancelled(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestGroup(t *testing.T) {
	lateErr := errors.New("could not close")
	for _, test := range []struct {
		name   string
		tasks  map[string]task.Func
		cancel bool // from outside
		want   string
	}{
		{"nobody", nil, false, ""},
		{"all finish", map[string]task.Func{"a": func(context.Context) error { return nil }}, false, ""},
		{"cancelled", map[string]task.Func{"a": untilCancelled, "b": untilCancelled}, true, ""},
		{"cancelled, and one says so", map[string]task.Func{"a": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}, true, ""},
		{"one fails", map[string]task.Func{"a": untilCancelled, "metrics": func(context.Context) error { return errBroken }}, false,
			"metrics: broken"},
		{"one that finishes ends nobody else", map[string]task.Func{
			"a": func(context.Context) error { return nil },
			"b": func(ctx context.Context) error {
				select {
				case <-ctx.Done():
					return errors.New("ended by a")
				case <-time.After(50 * time.Millisecond):
					return nil
				}
			},
		}, false, ""},
		{"one fails, another on its way out", map[string]task.Func{
			"first": func(context.Context) error { return errBroken },
			"second": func(ctx context.Context) error {
				<-ctx.Done()
				return lateErr
			},
		}, false, "first: broken\nsecond: could not close"},
		{"a time limit of its own is an error", map[string]task.Func{
			"a": func(context.Context) error { return context.DeadlineExceeded },
		}, false, "a: context deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if test.cancel {
				time.AfterFunc(10*time.Millisecond, cancel)
			}
			var g task.Group
			for name, run := range test.tasks {
				g.Add(name, run)
			}
			got := ""
			if err := g.Run(ctx); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestGroupKeepsTheError(t *testing.T) {
	var g task.Group
	g.Add("a", task.Func(func(context.Context) error { return errBroken }))
	if err := g.Run(context.Background()); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v inside", err, errBroken)
	}
}

// Run must not return while a task still holds what it opened.
func TestGroupWaitsForTheLast(t *testing.T) {
	closed := false
	var g task.Group
	g.Add("fails", task.Func(func(context.Context) error { return errBroken }))
	g.Add("slow", task.Func(func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond)
		closed = true
		return nil
	}))
	if err := g.Run(context.Background()); err == nil || !closed {
		t.Errorf("returned %v, with the slow task done: %v", err, closed)
	}
}

func TestWaitReady(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(second) })
	time.AfterFunc(20*time.Millisecond, func() { close(first) })
	if err := task.WaitReady(context.Background(), first, second); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := task.WaitReady(ctx, first, make(chan struct{})); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
