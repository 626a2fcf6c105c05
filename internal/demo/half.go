package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Half is what was measured without slicing, or with it.
type Half struct {
	Up, Down Part // by the direction that was saturated
}

// Part is one saturated direction. Everything in it is of the same span of time.
type Part struct {
	Calls, Stage, DNS, STUN, Pages Figures

	Bulk   float64    // goodput of the bulk transfers, bit/s
	Slices []SliceUse // of the saturated direction; nil without slicing
}

// SliceUse is a slice's share of a part.
type SliceUse struct {
	client.SliceStatus         // at the part's end
	Rate               float64 // offered during the part, bit/s
	Dropped            uint64  // during the part
}

const (
	maxWarmUp  = 3 * time.Second // for the bulk flows to fill the queue, of a part's time
	comeHome   = time.Second     // for what is under way at a part's end to arrive
	drainEvery = 50 * time.Millisecond
	maxDrain   = 5 * time.Second
	drained    = 10 * 1514 // bytes: calls alone leave no more
)

// runHalf lets a crowd at the venue, saturates one direction after the other, and measures. It takes about duration.
func (d *demo) runHalf(ctx context.Context, duration time.Duration) (Half, error) {
	crowd, err := NewCrowd(d.venue)
	if err != nil {
		return Half{}, err
	}
	d.live.enter(crowd)

	var half Half
	crowdCtx, sendHome := context.WithCancel(ctx)
	g, partCtx := errgroup.WithContext(crowdCtx)
	g.Go(func() error { return crowd.Run(partCtx) })
	if d.agent != nil {
		g.Go(func() error { return d.agent.Guard(partCtx) })
	}
	g.Go(func() error {
		defer sendHome()
		var err error
		if half.Up, err = d.runPart(partCtx, crowd, Up, duration/2); err != nil {
			return err
		}
		half.Down, err = d.runPart(partCtx, crowd, Down, duration/2)
		return err
	})
	if err := g.Wait(); err != nil {
		return Half{}, err
	}
	return half, ctx.Err()
}

// runPart saturates one direction, and measures once the queues have had time to fill.
func (d *demo) runPart(ctx context.Context, crowd *Crowd, way Direction, length time.Duration) (Part, error) {
	d.live.begin(way, length)
	bulkCtx, stopBulk := context.WithTimeout(ctx, length)
	defer stopBulk()
	var bulk errgroup.Group
	bulk.Go(func() error { return crowd.Bulk(bulkCtx, way) })

	pause(bulkCtx, min(maxWarmUp, length/3))
	from, movedBefore := time.Now(), crowd.Moved(way)
	before, errBefore := d.slices(ctx, way)
	<-bulkCtx.Done()
	until, movedAfter := time.Now(), crowd.Moved(way)
	after, errAfter := d.slices(ctx, way)
	if err := errors.Join(errBefore, errAfter, bulk.Wait(), ctx.Err()); err != nil {
		return Part{}, fmt.Errorf("saturate %s: %w", way, err)
	}
	pause(ctx, comeHome)

	span := until.Sub(from)
	part := Part{
		Calls:  crowd.Calls.Between(from, until),
		Stage:  crowd.Stage.Between(from, until),
		DNS:    crowd.DNS.Between(from, until),
		STUN:   crowd.STUN.Between(from, until),
		Pages:  crowd.Pages.Between(from, until),
		Bulk:   bitrate(movedAfter-movedBefore, span),
		Slices: usesOf(before, after, span),
	}
	return part, d.drain(ctx, way)
}

// drain waits until the modem has nothing left of a part.
func (d *demo) drain(ctx context.Context, way Direction) error {
	for start := time.Now(); time.Since(start) < maxDrain; {
		waiting, err := d.venue.Modem.Backlog(way)
		if err != nil || waiting < drained {
			return err
		}
		if !pause(ctx, drainEvery) {
			return ctx.Err()
		}
	}
	return nil
}

func bitrate(bytes uint64, span time.Duration) float64 {
	return float64(bytes) * 8 / span.Seconds()
}

// usesOf compares the agent's counters at both ends of a part.
func usesOf(before, after []client.SliceStatus, span time.Duration) []SliceUse {
	var uses []SliceUse
	for _, now := range after {
		i := slices.IndexFunc(before, func(b client.SliceStatus) bool { return b.Name == now.Name })
		if i < 0 {
			continue
		}
		uses = append(uses, SliceUse{
			SliceStatus: now,
			Rate:        bitrate(now.Bytes-before[i].Bytes, span),
			Dropped:     now.Drops - before[i].Drops,
		})
	}
	return uses
}
