package scenario

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestFlap takes the uplink down under load and brings it up again, as a loose cable does, and asks whether calls are as before.
func TestFlap(t *testing.T) {
	seed := begin(t)
	const rate, down, recover = 20e6, 2 * time.Second, 5 * time.Second
	var agent *demo.Agent
	site := newSite(t, ours("ours", demo.Settings{}, &agent), contract(rate), rate*shapedTo, seed)
	call := site.venue.NewCallProbe(site.venue.Attendees[0], probeEvery, expedited)
	span := func(s *stage, when string) error {
		w, err := s.watch(loadFor, func() (uint64, error) { return s.far.Uploaded.Load(), nil })
		if err != nil {
			return err
		}
		f := call.Trips.Between(w.from, w.until)
		if f.Sent == f.Lost {
			return fmt.Errorf("%s: none of %d probes came back", when, f.Sent)
		}
		r := newReporter(t, "flap", "up, 20 Mbit/s", when, seed)
		r.kept("call", f, loadProbes)
		r.figure("call probes", "packets", float64(f.Sent))
		r.figure("call p50", "ms", float64(f.P50)/1e6)
		r.figure("call p99", "ms", float64(f.P99)/1e6)
		r.figure("call lost", "%", 100*float64(f.Lost)/float64(f.Sent))
		r.figure("bulk", "Mbit/s", w.rates[0]/1e6)
		plan, err := agent.Plan(s.ctx, nil)
		if err != nil {
			return err
		}
		r.figure("steps that the kernel lacks", "steps", float64(len(plan.Steps)))
		return nil
	}
	err := site.act(t.Context(), func(s *stage) error {
		s.start(0, call.Run)
		s.fillAgain(bulk(demo.Up))
		if err := span(s, "before"); err != nil {
			return err
		}
		if err := run(site.venue.Box.NS, "ip", "link set "+demo.UplinkInterface+" down"); err != nil {
			return err
		}
		pause(s.ctx, down)
		if err := site.venue.Reconnect(); err != nil {
			return err
		}
		pause(s.ctx, recover)
		return span(s, "after")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fillAgain is fill with uploads that begin anew when they are reset: masquerading forgets the connections of a link that goes down.
func (s *stage) fillAgain(load []Load) {
	for i, l := range load {
		host := s.venue.Attendees[1+i%(attendees-1)]
		s.start(startWithin, func(ctx context.Context) error {
			for {
				t := &demo.Transfer{Host: host, Peer: s.venue.Server.At(demo.V4, l.Port), Direction: l.Direction}
				if err := t.Run(ctx); !errors.Is(err, unix.ECONNRESET) {
					return err
				}
			}
		})
	}
	pause(s.ctx, fillFor)
}
