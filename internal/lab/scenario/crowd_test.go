package scenario

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// A crowd that downloads: devices on a link that has room for a tenth of their flows' smallest windows. They come within some time.
const (
	downloaders = 100
	comeWithin  = 10 * time.Second
	calmAfter   = 10 * time.Second
)

// TestCrowd asks what a call feels of many downloads at once, while they come and when they are all there. What a box drops of them has
// been through the modem.
func TestCrowd(t *testing.T) {
	seed := begin(t)
	// The rivals' best for what comes down: what is dropped counts as well.
	counting := Treatment{"cake diffserv4, ingress", byTC("qdisc add dev %dev root cake bandwidth %rate diffserv4 nat %isolation %counting")}
	for _, treatment := range slices.Concat(rivals, []Treatment{counting}, behindRouter(new(*demo.Agent))) {
		play(t, "crowd", "200 downloads of 100 devices, 20 Mbit/s", treatment, 20, seed, crowdDownloads)
	}
}

func crowdDownloads(s *stage, r reporter) error {
	devices, err := s.crowd(downloaders)
	if err != nil {
		return err
	}
	call := s.venue.NewCallProbe(s.venue.Attendees[0], probeEvery, expedited)
	s.start(probeEvery, call.Run)
	pause(s.ctx, settle)
	idle, err := s.watch(idleFor)
	if err != nil {
		return err
	}
	var flows []*demo.Transfer
	for _, port := range []uint16{demo.PortWeb, demo.PortBackup} {
		for _, device := range devices {
			flow := &demo.Transfer{Host: device, Peer: s.venue.Server.At(demo.V4, port), Direction: demo.Down}
			s.start(comeWithin, flow.Run)
			flows = append(flows, flow)
		}
	}
	coming, err := s.watch(loadFor)
	if err != nil {
		return err
	}
	pause(s.ctx, calmAfter)
	var loaded watch
	queue, err := s.watchModemDuring(s.ctx, demo.Down, func(context.Context) (err error) {
		loaded, err = s.watch(loadFor, sum(flows...))
		return err
	})
	if err != nil {
		return err
	}
	before := call.Trips.Between(idle.from, idle.until)
	r.added("call, as they come", before, call.Trips.Between(coming.from, coming.until), loadProbes)
	r.added("call", before, call.Trips.Between(loaded.from, loaded.until), loadProbes)
	r.queued("", queue, 1)
	r.figure("bulk", "Mbit/s", total(loaded.rates)/1e6)
	return nil
}
