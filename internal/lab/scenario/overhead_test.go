package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// framed is a link that adds to each packet, and how shapers are told so.
type framed struct {
	preset  string
	shaped  float64 // of the link
	framing demo.Framing
	cake    string
}

var framedLinks = []framed{
	{"pppoe", 0.98, demo.Framing{Overhead: 16}, "overhead 16 mpu 68"},
	{"docsis", 0.995, demo.Framing{Overhead: 4}, "overhead 4 mpu 64"},
	{"atm", 0.98, demo.Framing{Overhead: 26, Cell: 48, CellHeader: 5}, "overhead 26 atm"},
}

// treatments are ours, told of the link and untold, and the rivals.
func (f framed) treatments() []Treatment {
	cake := func(tins string) Treatment {
		return Treatment{"cake " + tins, byTC("qdisc add dev %dev root cake bandwidth %rate " + tins + " nat %isolation raw " + f.cake)}
	}
	nothing, untold := rivals[0], rivals[1]
	untold.Name += ", overhead none"
	return []Treatment{
		{"ours, overhead none", bySliced(demo.Settings{})},
		{"ours", bySliced(demo.Settings{Uplink: fmt.Sprintf("overhead = %q\n", f.preset)})},
		cake("diffserv4"), nothing, untold, cake("besteffort"),
	}
}

// TestOverhead asks whether a queue builds beyond the box on links that add to each packet. The flows are of small packets, where the
// addition weighs most; the shaper runs at a part of the link that covers a full packet's and no small one's (ATM's neither). What comes
// down has met the modem first.
func TestOverhead(t *testing.T) {
	seed := begin(t)
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		for _, link := range framedLinks {
			for _, treatment := range link.treatments() {
				name := link.preset
				if way == demo.Down {
					name = "down, " + name
				}
				t.Run(name+"/"+treatment.Name, func(t *testing.T) { link.measure(t, treatment, way, seed) })
			}
		}
	}
}

func (f framed) measure(t *testing.T, treatment Treatment, way demo.Direction, seed uint64) {
	const rate, smallMTU, smallFrame = 10e6, "300", 300 + 14
	site := newSite(t, treatment, contract(rate), int(rate*f.shaped), seed)
	if err := site.venue.Modem.Frame(f.framing); err != nil {
		t.Fatal(err)
	}
	set := func(host *demo.Host, dev, what string) {
		if err := run(host.NS, "ip", "link set "+dev+" "+what); err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range site.venue.Attendees { // whose SYN tells the server, too
		set(host, "eth0", "mtu "+smallMTU)
	}
	// The modem, which splits long superpackets alone, is to add to each packet: so what is sent to it is cut first, after the box's queues.
	set(site.venue.Box, demo.UplinkInterface, "gso_max_segs 1")
	set(site.venue.Server, "eth0", "gso_max_segs 1")
	var idle, loaded Span
	var queue []time.Duration
	g, ctx := errgroup.WithContext(t.Context())
	g.Go(func() (err error) {
		idle, loaded, err = site.Measure(ctx, bulk(way))
		return err
	})
	g.Go(func() (err error) {
		pause(ctx, settle+idleFor+settle+fillFor) // until the load is there
		underLoad, end := context.WithTimeout(ctx, loadFor)
		defer end()
		queue, err = site.watchModem(underLoad, way)
		return err
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	r := newReporter(t, "overhead", fmt.Sprintf("%s, %s, 300-byte packets, 10 Mbit/s", f.preset, way), treatment.Name, seed)
	r.queued("", queue, float64(f.framing.Wire(smallFrame))/smallFrame)
	r.added("call", idle.Call, loaded.Call, loadProbes)
	r.figure("bulk", "Mbit/s", (loaded.Up+loaded.Down)/1e6)
}
