package task

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Task is a long-lived part of a program. Run returns nil when ctx ends, or when there is nothing left to do.
type Task interface {
	Run(ctx context.Context) error
}

// Func makes a Task of a function.
type Func func(ctx context.Context) error

// Run calls f.
func (f Func) Run(ctx context.Context) error { return f(ctx) }

// Group is tasks that live and die together. It is itself a Task. The zero Group has none.
type Group struct {
	members []member
}

type member struct {
	name string
	task Task
}

// Add makes t a member; name stands before its error. It must not be called once Run was.
func (g *Group) Add(name string, t Task) {
	g.members = append(g.members, member{name, t})
}

// Run runs all members until each has returned. The first error ends the context of the others; it comes first in what is
// returned, before what they may say on their way out.
func (g *Group) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	failed := make(chan error, len(g.members))
	for _, m := range g.members {
		wg.Go(func() {
			err := m.task.Run(ctx)
			if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
				return
			}
			failed <- fmt.Errorf("%s: %w", m.name, err)
			cancel()
		})
	}
	wg.Wait()
	close(failed)
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}
