package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// Site is a venue under one treatment, with its far side running.
type Site struct {
	venue  *demo.Venue
	far    *demo.Far
	random *rand.Rand // shifts what happens in time, so that seeds differ
	undo   func() error
}

// Times of a measurement.
const (
	idleFor = 3 * time.Second
	fillFor = 5 * time.Second          // for bulk to fill the queues
	loadFor = 15100 * time.Millisecond // loadProbes and some
	settle  = time.Second              // for what is under way to arrive

	probeEvery = 5 * time.Millisecond
	loadProbes = 3000 // at least, under load
)

// expedited is the DSCP EF (RFC 3246), which calls and their set-up are marked with.
const expedited = 46

// attendees of a site: the first calls, the others load.
const attendees = 5

// shapedTo is the share of the contract that a treatment shapes to.
const shapedTo = 0.95

// contract is a line of so many bit/s each way behind a modem that buffers 600 ms, 20 ms away from the server.
func contract(rate int) demo.Link {
	return demo.Link{Rate: rate, Queue: 600 * time.Millisecond, Delay: 20 * time.Millisecond}
}

// wide is a modem that holds nothing up, so that the box alone is judged.
var wide = demo.Link{Rate: 1e9, Queue: 100 * time.Millisecond, Delay: 20 * time.Millisecond}

// NewSite makes a venue behind a modem with the given link, which a treatment shapes to a rate of its own, in bit/s. Its caller closes it.
func NewSite(ctx context.Context, t Treatment, link demo.Link, shaped int, seed uint64) (_ *Site, err error) {
	s := &Site{random: rand.New(rand.NewPCG(seed, 0))}
	if s.venue, err = demo.NewVenue(attendees, link); err != nil {
		return nil, err
	}
	s.venue.Seed = seed
	if s.undo, err = t.apply(ctx, s.venue.Box, shaped); err != nil {
		return nil, errors.Join(fmt.Errorf("apply %s: %w", t.Name, err), s.venue.Close())
	}
	s.far, err = demo.NewFar(s.venue.Server, new(demo.Trips))
	if err == nil {
		err = s.far.MarkCalls(expedited)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close takes the site away.
func (s *Site) Close() error { return errors.Join(s.undo(), s.venue.Close()) }

// upTo is a random time below d.
func (s *Site) upTo(d time.Duration) time.Duration { return time.Duration(s.random.Int64N(int64(d))) }

// pause waits for a time or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
