package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestSameDevice asks what a device's own bulk costs what else it does: a flow that sends little, and pages. All are best effort.
func TestSameDevice(t *testing.T) {
	seed := begin(t)
	for _, mbit := range []int{5, 20} {
		for _, treatment := range Treatments {
			play(t, "same device", fmt.Sprintf("4 uploads, %d Mbit/s", mbit), treatment, mbit, seed, besideOwnUploads)
		}
		for _, treatment := range Treatments {
			play(t, "same device", fmt.Sprintf("8 uploads against 1, %d Mbit/s", mbit), treatment, mbit, seed, manyAgainstOne)
		}
	}
}

const (
	sparseEvery  = 20 * time.Millisecond
	sparseProbes = 750                    // at least, under load for loadFor
	pageAfter    = 100 * time.Millisecond // the one before, as the parts of a page come
	// What a flow meets of a page is the modem's work of 28 ms, at 5 Mbit/s. With a page a second for 15 s that was 30 probes of 750, and their
	// upper quarter a matter of the draw.
	browseFor    = 40100 * time.Millisecond // browseProbes and some
	browseProbes = 2000
)

func besideOwnUploads(s *stage, r reporter) error {
	device := s.venue.Attendees[1]
	sparse, pages := s.venue.NewPlainProbe(device, sparseEvery), new(demo.Trips)
	s.start(sparseEvery, sparse.Run)
	pause(s.ctx, settle)
	idle, err := s.watch(idleFor)
	if err != nil {
		return err
	}
	var uploads []*demo.Transfer
	for range 4 {
		uploads = append(uploads, s.upload(device, 0))
	}
	pause(s.ctx, fillFor)
	loaded, err := s.watch(loadFor, sum(uploads...))
	if err != nil {
		return err
	}
	// A page's first packets fill the modem before the box can hold them up: what the flow feels of its device's uploads comes first.
	s.start(time.Second, func(ctx context.Context) error { return browse(ctx, device, s.venue, pages) })
	browsing, err := s.watch(browseFor)
	if err != nil {
		return err
	}
	before := sparse.Trips.Between(idle.from, idle.until)
	r.added("sparse", before, sparse.Trips.Between(loaded.from, loaded.until), sparseProbes)
	r.added("sparse and pages", before, sparse.Trips.Between(browsing.from, browsing.until), browseProbes)
	fetched := pages.Between(browsing.from, browsing.until)
	if r.answered("page", "beside uploads", fetched) {
		r.figure("pages", "pages", float64(fetched.Sent))
		r.figure("page lost", "%", 100*float64(fetched.Lost)/float64(fetched.Sent))
		r.figure("page p50", "ms", float64(fetched.P50)/1e6)
		r.figure("page max", "ms", float64(fetched.Max)/1e6)
	}
	r.figure("bulk", "Mbit/s", loaded.rates[0]/1e6)
	return nil
}

// browse loads page after page.
func browse(ctx context.Context, host *demo.Host, venue *demo.Venue, pages *demo.Trips) error {
	for ctx.Err() == nil {
		if err := demo.LoadPage(ctx, host, venue.Server.At(demo.V4, demo.PortWeb), pages); err != nil {
			return err
		}
		pause(ctx, pageAfter)
	}
	return nil
}

func manyAgainstOne(s *stage, r reporter) error {
	var many []*demo.Transfer
	for range 8 {
		many = append(many, s.upload(s.venue.Attendees[1], 0))
	}
	one := s.upload(s.venue.Attendees[2], 0)
	pause(s.ctx, fillFor)
	w, err := s.watch(loadFor, sum(many...), sum(one))
	if err != nil {
		return err
	}
	r.figure("8 flows", "Mbit/s", w.rates[0]/1e6)
	r.figure("1 flow", "Mbit/s", w.rates[1]/1e6)
	r.figure("ratio", "×", w.rates[0]/w.rates[1])
	r.figure("Jain", "index", jain(w.rates))
	return nil
}
