package demo

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/nettest"
)

// rig is a venue with an agent that is running.
type rig struct {
	venue *Venue
	agent *Agent
}

// wide is a modem that holds nothing up, so that the box alone is judged.
var wide = Link{Rate: 1e9, Queue: 100 * time.Millisecond}

func newVenue(tb testing.TB, link Link) *Venue {
	tb.Helper()
	nettest.Require(tb, Needs...)
	venue, err := NewVenue(Attendees, link)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := venue.Close(); err != nil {
			tb.Error(err)
		}
	})
	return venue
}

// newAgent builds an agent that shapes the venue as for the demo's contract, without starting it.
func newAgent(tb testing.TB, venue *Venue) *Agent {
	tb.Helper()
	dir := tb.TempDir()
	program, err := BuildSliced(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	agent, err := NewAgent(venue.Box, program, dir, DefaultLink)
	if err != nil {
		tb.Fatal(err)
	}
	return agent
}

func start(tb testing.TB, agent *Agent) {
	tb.Helper()
	if err := agent.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := agent.Stop(); err != nil {
			tb.Error(err)
		}
	})
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	venue := newVenue(tb, wide)
	agent := newAgent(tb, venue)
	start(tb, agent)
	return &rig{venue: venue, agent: agent}
}

// underLoad runs fn while bulk transfers fill both directions. Nobody else is at the venue: a call's own video would make
// gaps that are nobody's fault.
func (r *rig) underLoad(tb testing.TB, fn func(ctx context.Context) error) {
	tb.Helper()
	crowd, err := NewCrowd(r.venue)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(tb.Context())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return crowd.far.Run(ctx) })
	for _, way := range []Direction{Up, Down} {
		g.Go(func() error { return crowd.Bulk(ctx, way) })
	}
	g.Go(func() error {
		defer stop()
		if err := r.awaitLoad(ctx); err != nil {
			return err
		}
		return fn(ctx)
	})
	if err := g.Wait(); err != nil {
		tb.Fatal(err)
	}
}

// awaitLoad waits until both directions carry nearly what they are shaped to.
func (r *rig) awaitLoad(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for pause(ctx, maxWarmUp) {
		st, err := r.agent.Status(ctx)
		if err != nil {
			return err
		}
		up, down := st.Uplinks[0].Upload, st.Uplinks[0].Download
		if up.UsedBPS >= *up.RateBPS/10*9 && down.UsedBPS >= *down.RateBPS/10*9 {
			return nil
		}
	}
	return errors.New("the load does not fill the link")
}
