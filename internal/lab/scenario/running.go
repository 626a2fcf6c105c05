package scenario

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// wide is a modem that holds nothing up, so that the box alone is judged.
var wide = demo.Link{Rate: 1e9, Queue: 100 * time.Millisecond, Delay: 20 * time.Millisecond}

// during runs the far side and what else is given beneath fn, and ends them with it. fn begins its load when it wants: begin returns
// when the queues are full.
func (s *Site) during(ctx context.Context, fn func(ctx context.Context, begin func(load []Load)) error, beneath ...func(ctx context.Context) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.far.Run(ctx) })
	for _, run := range beneath {
		g.Go(func() error { return run(ctx) })
	}
	begin := func(load []Load) {
		for i, l := range load {
			host, late := s.venue.Attendees[1+i%(attendees-1)], s.upTo(100*time.Millisecond)
			g.Go(func() error {
				pause(ctx, late)
				return s.transfer(ctx, host, l)
			})
		}
		pause(ctx, fillFor)
	}
	g.Go(func() error {
		defer end()
		return fn(ctx, begin)
	})
	return g.Wait()
}

// bulk is four TCP flows in each of the given directions, all of them in one slice.
func bulk(ways ...demo.Direction) (load []Load) {
	for _, way := range ways {
		for range 4 {
			load = append(load, Load{Direction: way, Port: demo.PortWeb})
		}
	}
	return load
}
