package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// Site is a venue under one treatment, with its far side running.
type Site struct {
	venue      *demo.Venue
	far        *demo.Far
	downloaded atomic.Uint64
	random     *rand.Rand // shifts what happens in time, so that seeds differ
	undo       func() error
}

// Times of a measurement.
const (
	idleFor = 3 * time.Second
	fillFor = 5 * time.Second  // for bulk to fill the queues
	loadFor = 15 * time.Second // 3,000 probes
	settle  = time.Second      // for what is under way to arrive

	probeEvery = 5 * time.Millisecond
)

// expedited is the DSCP EF (RFC 3246), which calls and their set-up are marked with.
const expedited = 46

// attendees of a site: the first calls, the others load.
const attendees = 5

// shapedTo is the share of the contract that a treatment shapes to.
const shapedTo = 0.95

// NewSite makes a venue behind a modem of the given rate each way, in bit/s. Its caller closes it.
func NewSite(ctx context.Context, t Treatment, rate int, seed uint64) (*Site, error) {
	link := demo.Link{Rate: rate, Queue: 600 * time.Millisecond, Delay: 20 * time.Millisecond}
	return newSiteAt(ctx, t, link, int(float64(rate)*shapedTo), seed)
}

// newSiteAt makes a venue behind a modem with any link, which a treatment shapes to a rate of its own, in bit/s.
func newSiteAt(ctx context.Context, t Treatment, link demo.Link, shaped int, seed uint64) (_ *Site, err error) {
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

// Span is what was measured in a time.
type Span struct {
	Call, Signalling demo.Figures // round trips
	Goodput          float64      // of bulk, bit/s
}

// Load is a bulk flow.
type Load struct {
	Direction demo.Direction
	Port      uint16
}

// Measure probes the idle path, and then the path under load.
func (s *Site) Measure(ctx context.Context, load []Load) (idle, loaded Span, err error) {
	caller := s.venue.Attendees[0]
	call := s.venue.NewCallProbe(caller, probeEvery, expedited)
	signalling := s.venue.NewSTUNProbe(caller, probeEvery, expedited)

	ctx, end := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.far.Run(ctx) })
	for _, p := range []*demo.Probe{call, signalling} {
		g.Go(func() error { return p.Run(ctx) })
	}
	measure := func(d time.Duration) (span Span) {
		from, moved := time.Now(), s.moved()
		pause(ctx, d)
		until, arrived := time.Now(), s.moved()
		pause(ctx, settle)
		span.Call, span.Signalling = call.Trips.Between(from, until), signalling.Trips.Between(from, until)
		span.Goodput = float64(arrived-moved) * 8 / until.Sub(from).Seconds()
		return span
	}
	g.Go(func() error {
		defer end()
		pause(ctx, settle)
		idle = measure(idleFor)
		for i, l := range load {
			host, late := s.venue.Attendees[1+i%(attendees-1)], s.upTo(100*time.Millisecond)
			g.Go(func() error {
				pause(ctx, late)
				return s.transfer(ctx, host, l)
			})
		}
		pause(ctx, fillFor)
		loaded = measure(loadFor)
		return nil
	})
	if err := g.Wait(); err != nil {
		return idle, loaded, err
	}
	return idle, loaded, errors.Join(idle.check("idle", false), loaded.check("under load", len(load) > 0))
}

// check says what was not measured: figures of nothing are none.
func (s Span) check(when string, bulk bool) error {
	for name, f := range map[string]demo.Figures{"call": s.Call, "signalling": s.Signalling} {
		if f.Sent == f.Lost {
			return fmt.Errorf("%s, %s: none of %d probes came back", when, name, f.Sent)
		}
	}
	if bulk && s.Goodput == 0 {
		return fmt.Errorf("%s: no bulk arrived", when)
	}
	return nil
}

func (s *Site) transfer(ctx context.Context, host *demo.Host, l Load) error {
	peer := s.venue.Server.At(demo.V4, l.Port)
	if l.Direction == demo.Up {
		return demo.Upload(ctx, host, peer)
	}
	return demo.Download(ctx, host, peer, &s.downloaded)
}

// moved is how many bytes bulk has brought to its ends so far.
func (s *Site) moved() uint64 { return s.far.Uploaded.Load() + s.downloaded.Load() }

// upTo is a random time below d.
func (s *Site) upTo(d time.Duration) time.Duration { return time.Duration(s.random.Int64N(int64(d))) }

// pause waits for a time or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
