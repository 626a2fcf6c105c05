package scenario

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// watchModem looks at what waits in the modem, some 100 times a second, until ctx is done: in time of the link's rate, without its framing.
// Looks are at random moments, since at a steady pace they beat against the departures.
func (s *Site) watchModem(ctx context.Context, way demo.Direction) (queue []time.Duration, err error) {
	const apart = 20 * time.Millisecond // at most
	for {
		select {
		case <-ctx.Done():
			return queue, nil
		case <-time.After(s.upTo(apart)):
			bytes, err := s.venue.Modem.Backlog(way)
			if err != nil {
				return queue, err
			}
			queue = append(queue, s.venue.Modem.TimeFor(bytes))
		}
	}
}

// watchModemDuring is watchModem for as long as fn runs.
func (s *Site) watchModemDuring(ctx context.Context, way demo.Direction, fn func(context.Context) error) (queue []time.Duration, err error) {
	g, ctx := errgroup.WithContext(ctx)
	looking, end := context.WithCancel(ctx)
	g.Go(func() (err error) {
		queue, err = s.watchModem(looking, way)
		return err
	})
	g.Go(func() error {
		defer end()
		return fn(ctx)
	})
	err = g.Wait()
	return queue, err
}

// queued prints how long the modem's queue was, of packets that framing makes so many times as long, under a name that begins with which. A
// queue that nobody saw is an error.
func (r reporter) queued(which string, queue []time.Duration, framing float64) {
	r.t.Helper()
	if len(queue) == 0 {
		r.t.Error("modem's queue: nobody looked at it under load")
		return
	}
	slices.Sort(queue)
	r.figure(which+"modem's queue p50", "ms", framing*float64(queue[len(queue)/2])/1e6)
	r.figure(which+"modem's queue p99", "ms", framing*float64(queue[len(queue)*99/100])/1e6)
}
