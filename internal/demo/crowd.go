package demo

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Attendees is how many a venue has. Their roles, by position; every one of them also asks for names and for its address.
const Attendees = 40

const (
	callers      = 22 // 0–21, the first videoCallers with video
	videoCallers = 4
	viewers      = 3 // 22–24
	surfers      = 3 // 25–27
	uploaders    = 6 // 28–33
	downloaders  = 6 // 34–39
)

const (
	flowsEach   = 2                      // of an uploader or downloader
	bulkStagger = 100 * time.Millisecond // people do not press a button all at once
	lookupEvery = 2 * time.Second
	pagePause   = time.Second
)

// Crowd is the venue's attendees at work, with the far side that they work with, for one half of the demo.
type Crowd struct {
	Calls, Stage, DNS, STUN, Pages Trips

	venue      *Venue
	far        *Far
	downloaded atomic.Uint64
}

// NewCrowd opens the far side of a crowd; Run is what closes it.
func NewCrowd(venue *Venue) (*Crowd, error) {
	c := &Crowd{venue: venue}
	var err error
	c.far, err = NewFar(venue.Server, &c.Stage)
	if err != nil {
		return nil, fmt.Errorf("open far side: %w", err)
	}
	return c, nil
}

// Run lets everybody do what they do all the time, which is everything but bulk transfers, until ctx is done.
func (c *Crowd) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.far.Run(ctx) })
	for i, attendee := range c.venue.Attendees {
		g.Go(func() error {
			if !pause(ctx, time.Duration(i)*13*time.Millisecond) { // or all would send at the same moment of every tick
				return nil
			}
			return c.behave(ctx, i, attendee)
		})
	}
	return g.Wait()
}

// behave is attendee i's role, and its lookups.
func (c *Crowd) behave(ctx context.Context, i int, attendee *Host) error {
	server, family := c.venue.Server, familyOf(i)
	g, ctx := errgroup.WithContext(ctx)
	asking := &lookups{
		host: attendee, delay: lookupEvery * time.Duration(i) / Attendees, interval: lookupEvery,
		dns: server.At(family, portDNS), stun: server.At(family, portSTUN),
		dnsTrips: &c.DNS, stunTrips: &c.STUN,
	}
	g.Go(func() error { return asking.Run(ctx) })
	switch {
	case i < callers:
		talk := &call{host: attendee, peer: server.At(family, portCalls), media: newMedia(i, i < videoCallers), trips: &c.Calls}
		g.Go(func() error { return talk.Run(ctx) })
	case i < callers+viewers:
		watch := &viewer{host: attendee, peer: server.At(family, portStage), trips: &c.Stage}
		g.Go(func() error { return watch.Run(ctx) })
	case i < callers+viewers+surfers:
		g.Go(func() error { return c.surf(ctx, attendee, family) })
	}
	return g.Wait()
}

// Bulk saturates one direction until ctx is done. One flow in flowsEach is a backup, which the configuration knows by its port.
func (c *Crowd) Bulk(ctx context.Context, d Direction) error {
	first, n := callers+viewers+surfers, uploaders
	if d == Down {
		first, n = first+uploaders, downloaders
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := first; i < first+n; i++ {
		for flow := range flowsEach {
			port := uint16(PortWeb)
			if flow == 0 {
				port = PortBackup
			}
			host, peer := c.venue.Attendees[i], c.venue.Server.At(familyOf(i), port)
			late := time.Duration(flowsEach*(i-first)+flow) * bulkStagger
			g.Go(func() error {
				if !pause(ctx, late) {
					return nil
				}
				if d == Up {
					return Upload(ctx, host, peer)
				}
				return Download(ctx, host, peer, &c.downloaded)
			})
		}
	}
	return g.Wait()
}

// Moved is how many bytes the bulk transfers have brought to their ends so far.
func (c *Crowd) Moved(d Direction) uint64 {
	if d == Up {
		return c.far.Uploaded.Load()
	}
	return c.downloaded.Load()
}

// surf loads a page now and then.
func (c *Crowd) surf(ctx context.Context, attendee *Host, family Family) error {
	for {
		if err := LoadPage(ctx, attendee, c.venue.Server.At(family, PortWeb), &c.Pages); err != nil {
			return err
		}
		if !pause(ctx, pagePause) {
			return nil
		}
	}
}

func familyOf(i int) Family {
	if i%2 == 0 {
		return V4
	}
	return V6
}

// pause waits, and says whether ctx is still going.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
