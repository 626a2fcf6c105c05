package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/demo"
)

// bursty are the slices, and what is in them.
var bursty = []struct {
	slice string
	look  demo.Look
}{{"signalling", demo.LooksSTUN}, {"realtime", demo.LooksRTP}, {"media", demo.LooksPlain}, {"telemetry", demo.LooksPlain}}

// Ports of bursts: two a slice, up and down. Telemetry is known by its own, the others by their looks, or by nothing.
const (
	burstPorts = 7010
	backups    = "[[rule]]\nslice = \"telemetry\"\nports = [\"udp/7016-7017\"]\n"
)

// bursts compares what goes one way, at delays of 2 to 20 ms: in each slice one device has bursts, and has all of 20 Mbit/s until its burst is
// through, before another slice's comes. With an odd number of datagrams the median is one of them, and not between two.
func bursts(t *testing.T, seed uint64, datagrams int) {
	const (
		rate    = 20e6
		size    = 1000
		every   = 100 * time.Millisecond
		calm    = time.Second
		lasting = 10 * time.Second
	)
	var agent *demo.Agent
	site := newSite(t, ours("ours", demo.Settings{Tables: backups}, &agent), wide, rate, seed)
	for _, b := range bursty {
		if err := agent.SetSlice(t.Context(), client.SliceChange{Name: b.slice, Max: "100%"}); err != nil {
			t.Fatal(err)
		}
	}
	var flows []*demo.Bursts
	for i, b := range bursty {
		for _, way := range []demo.Direction{demo.Up, demo.Down} {
			flows = append(flows, &demo.Bursts{
				Host: site.venue.Attendees[i], Way: way, Port: burstPorts + uint16(len(flows)), Look: b.look, Size: size,
				Datagrams: datagrams, Every: every, Calm: int(calm / every),
			})
		}
	}
	pause(t.Context(), settle)
	began := time.Now()
	ctx, end := context.WithTimeout(t.Context(), calm+lasting)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	for i, flow := range flows {
		g.Go(func() error {
			pause(ctx, time.Duration(i)*every/time.Duration(len(flows)))
			return site.venue.Bursts(ctx, flow)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	status, err := agent.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, flow := range flows {
		slice, name := bursty[i/2].slice, fmt.Sprintf("%s, bursts of %d, 20 Mbit/s", flow.Way, datagrams)
		idle, all := flow.Trips.Between(began, began.Add(calm)), flow.Trips.Between(began, time.Now()) // status sums up the idle path, too
		asMeant(t, name, status, flow.Way, slice, idle, all)
		compare(t, name, seed, flow.Way, status, map[string]demo.Figures{slice: idle}, map[string]demo.Figures{slice: all})
	}
}

// asMeant fails where views are not of the same packets, or not of delays of 2 to 20 ms. A flow's first packets may be taken for something
// else, and the box sends some itself.
func asMeant(t *testing.T, name string, status client.Status, way demo.Direction, slice string, idle, probes demo.Figures) {
	const few, shortest, longest = 10, 2 * time.Millisecond, 20 * time.Millisecond
	for _, s := range status.Slices {
		if s.Name != slice || s.Direction != string(way) {
			continue
		}
		if others := int(s.Packets) - probes.Sent; max(others, -others) > few || probes.Lost > 0 || s.Drops > 0 {
			t.Errorf("%s, %s: the slice had %d packets and dropped %d, probes were %d and lost %d", name, slice, s.Packets, s.Drops, probes.Sent, probes.Lost)
		}
	}
	if p50, p99 := probes.P50-idle.P50, probes.P99-idle.P50; p50 < shortest || p99 > longest {
		t.Errorf("%s, %s: probes waited %v at p50 and %v at p99, want %v to %v", name, slice, p50, p99, shortest, longest)
	}
}
