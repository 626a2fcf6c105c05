package scenario

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestOverhead asks whether a queue builds behind the box on links that add to each packet. The uploads are of small packets, where
// the addition weighs most; the shaper runs at a part of the link that covers a full packet's and no small one's (ATM's neither).
func TestOverhead(t *testing.T) {
	seed := begin(t)
	const rate, smallMTU, smallFrame = 10e6, "300", 300 + 14
	for _, test := range []struct {
		preset  string
		shaped  float64
		framing demo.Framing
		cake    string
	}{
		{"pppoe", 0.98, demo.Framing{Overhead: 16}, "overhead 16 mpu 68"},
		{"docsis", 0.995, demo.Framing{Overhead: 4}, "overhead 4 mpu 64"},
		{"atm", 0.98, demo.Framing{Overhead: 26, Cell: 48, CellHeader: 5}, "overhead 26 atm"},
	} {
		for _, treatment := range []Treatment{
			{"ours, overhead none", bySliced(demo.Settings{})},
			{"ours", bySliced(demo.Settings{Uplink: fmt.Sprintf("overhead = %q\n", test.preset)})},
			{"cake diffserv4", byTC("qdisc add dev %dev root cake bandwidth %rate diffserv4 nat %isolation raw " + test.cake)},
		} {
			t.Run(test.preset+"/"+treatment.Name, func(t *testing.T) {
				site := newSite(t, treatment, contract(rate), int(rate*test.shaped), seed)
				if err := site.venue.Modem.Frame(test.framing); err != nil {
					t.Fatal(err)
				}
				for _, host := range site.venue.Attendees {
					if err := run(host.NS, "ip", "link set eth0 mtu "+smallMTU); err != nil {
						t.Fatal(err)
					}
				}
				g, ctx := errgroup.WithContext(t.Context())
				var queue []time.Duration
				measured := make(chan struct{})
				g.Go(func() (err error) {
					queue, err = site.watchModem(ctx, measured)
					return err
				})
				idle, loaded, err := site.Measure(ctx, bulk(demo.Up))
				close(measured)
				if err != nil {
					t.Fatal(err)
				}
				if err := g.Wait(); err != nil {
					t.Fatal(err)
				}
				slices.Sort(queue)
				r := newReporter(t, "overhead", test.preset+", up, 300-byte packets, 10 Mbit/s", treatment.Name, seed)
				framed := float64(test.framing.Wire(smallFrame)) / smallFrame
				r.figure("modem's queue p50", "ms", framed*float64(queue[len(queue)/2])/1e6)
				r.figure("modem's queue p99", "ms", framed*float64(queue[len(queue)*99/100])/1e6)
				r.figure("call p99", "ms", float64(loaded.Call.P99-idle.Call.P50)/1e6)
				r.figure("bulk", "Mbit/s", loaded.Up/1e6)
			})
		}
	}
}

// watchModem looks at what waits in the modem, some 100 times a second, until it is told that the measurement is over: in time of the
// link's rate, without its framing. Looks are at random moments, since at a steady pace they beat against the departures; those before the
// load and while it fills are left out.
func (s *Site) watchModem(ctx context.Context, over <-chan struct{}) (queue []time.Duration, err error) {
	pause(ctx, settle+idleFor+settle+fillFor)
	const apart = 20 * time.Millisecond // at most
	for until := time.Now().Add(loadFor); time.Now().Before(until); {
		select {
		case <-over:
			return queue, nil
		case <-ctx.Done():
			return queue, ctx.Err()
		case <-time.After(s.upTo(apart)):
			bytes, err := s.venue.Modem.Backlog(demo.Up)
			if err != nil {
				return queue, err
			}
			queue = append(queue, s.venue.Modem.TimeFor(bytes))
		}
	}
	return queue, nil
}
