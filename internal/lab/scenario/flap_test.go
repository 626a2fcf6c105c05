package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestFlap takes the uplink down under load and brings it up again, as a loose cable does, and asks whether calls are as before: with what is
// attached to it left alone, or gone, as after some drivers' resets.
func TestFlap(t *testing.T) {
	seed := begin(t)
	t.Run("kept", func(t *testing.T) { flap(t, "up, 20 Mbit/s", seed) })
	t.Run("queues lost", func(t *testing.T) {
		flap(t, "up, 20 Mbit/s, queues lost", seed,
			"tc qdisc del dev "+demo.UplinkInterface+" root", "tc qdisc del dev "+demo.UplinkInterface+" clsact", "ip link del ifb-wan")
	})
}

// flap runs commands on the box while the uplink is down.
func flap(t *testing.T, name string, seed uint64, whileDown ...string) {
	const rate, down, recovery = 20e6, 2 * time.Second, 5 * time.Second
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
		r := newReporter(t, "flap", name, when, seed)
		r.kept("call", f, loadProbes)
		r.figure("call probes", "packets", float64(f.Sent))
		r.figure("call p50", "ms", float64(f.P50)/1e6)
		r.figure("call p99", "ms", float64(f.P99)/1e6)
		r.figure("call lost", "%", 100*float64(f.Lost)/float64(f.Sent))
		r.figure("bulk", "Mbit/s", w.rates[0]/1e6)
		steps, err := lacking(s.ctx, agent)
		if err != nil {
			return err
		}
		r.figure("steps that the kernel lacks", "steps", float64(steps))
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
		for _, command := range whileDown {
			program, arguments, _ := strings.Cut(command, " ")
			if err := run(site.venue.Box.NS, program, arguments); err != nil {
				return err
			}
		}
		healed, err := s.healed(agent, recovery)
		if err != nil {
			return err
		}
		newReporter(t, "flap", name, "after", seed).figure("whole again after", "ms", float64(healed)/1e6)
		pause(s.ctx, down)
		if err := site.venue.Reconnect(); err != nil {
			return err
		}
		pause(s.ctx, recovery)
		return span(s, "after")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// healed is how long from now the kernel takes to be as the agent wants it; more than most is an error.
func (s *stage) healed(agent *demo.Agent, most time.Duration) (time.Duration, error) {
	for began := time.Now(); ; pause(s.ctx, 10*time.Millisecond) {
		steps, err := lacking(s.ctx, agent)
		if err != nil {
			return 0, err
		}
		if steps == 0 {
			return time.Since(began), nil
		}
		if time.Since(began) > most {
			return 0, fmt.Errorf("%v after the uplink went, %d steps are to be done yet", most, steps)
		}
	}
}

// lacking is how many steps the kernel is from what the agent wants.
func lacking(ctx context.Context, agent *demo.Agent) (steps int, err error) {
	plan, err := agent.Plan(ctx, nil)
	return len(plan.Steps), err
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
