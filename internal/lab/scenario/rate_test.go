package scenario

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestRate asks how much TCP one processor carries through the full path when nothing else holds it up, sender and receiver included,
// with superpackets (GSO) and without. An agent that is told what the link adds splits superpackets of short segments before it queues them,
// and with them all of their flows.
func TestRate(t *testing.T) {
	seed := begin(t)
	told := Treatment{"ours, overhead pppoe", bySliced(demo.Settings{Uplink: "overhead = \"pppoe\"\n"})}
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		for _, segments := range segmentations {
			for _, treatment := range slices.Concat(Treatments, []Treatment{told}) {
				t.Run(fmt.Sprintf("%s/%s/%s", way, segments.name, treatment.Name), func(t *testing.T) {
					rate := rateOf(t, treatment, way, segments.settings)
					newReporter(t, "rate", fmt.Sprintf("%s, 4 TCP flows, %s", way, segments.name), treatment.Name, seed).figure("carried", "Mbit/s", rate/1e6)
				})
			}
		}
	}
}

// segmentations are whether senders hand over superpackets, of how long packets, and what their interfaces are told for that.
var segmentations = []struct{ name, settings string }{{"GSO on", ""}, {"GSO off", " gso_max_segs 1"}, {"GSO on, 300-byte packets", " mtu 300"}}

// rateOf is the rate, in bit/s, of a wire of its own.
func rateOf(t testing.TB, treatment Treatment, way demo.Direction, settings string) float64 {
	w := newWire(t, treatment)
	for _, host := range []*demo.Host{w.Venue, w.Far} {
		if err := run(host.NS, "ip", "link set "+hostPort+settings+" up"); err != nil {
			t.Fatal(err)
		}
	}
	rate, err := w.carry(t.Context(), way)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

// carry gives the rate, in bit/s, that four TCP flows reach.
func (w *Wire) carry(ctx context.Context, way demo.Direction) (rate float64, err error) {
	const flows, warmUp, length = 4, time.Second, 2 * time.Second
	far, err := demo.NewFar(w.Far, new(demo.Trips))
	if err != nil {
		return 0, err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return far.Run(ctx) })
	var downloaded atomic.Uint64
	peer := w.Far.At(demo.V4, demo.PortWeb)
	for range flows {
		g.Go(func() error {
			if way == demo.Up {
				return demo.Upload(ctx, w.Venue, peer)
			}
			return demo.Download(ctx, w.Venue, peer, &downloaded)
		})
	}
	g.Go(func() error {
		defer end()
		pause(ctx, warmUp)
		from, before := time.Now(), far.Uploaded.Load()+downloaded.Load()
		pause(ctx, length)
		rate = float64(far.Uploaded.Load()+downloaded.Load()-before) * 8 / time.Since(from).Seconds()
		return nil
	})
	return rate, g.Wait()
}

// newWire makes a wire that goes with the test.
func newWire(t testing.TB, treatment Treatment) *Wire {
	w, err := NewWire(t.Context(), treatment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}
