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

// TestAgent asks what packets feel of the agent at work: 20 changes of rates a second; a kill -9, 5 s without an agent, and one that
// takes over. A packet a millisecond goes each way beneath 4 + 4 TCP flows that fill 20 Mbit/s, before a modem that holds nothing up.
func TestAgent(t *testing.T) {
	seed := begin(t)
	const undisturbed = 5 * time.Second
	for _, test := range []struct {
		name string
		do   func(ctx context.Context, agent *demo.Agent, books *demo.Books, r reporter) error
	}{
		{"nothing happens", func(ctx context.Context, _ *demo.Agent, _ *demo.Books, _ reporter) error {
			pause(ctx, undisturbed)
			return nil
		}},
		{"retune", retune},
		{"kill -9 and takeover", killAndStart},
	} {
		t.Run(test.name, func(t *testing.T) {
			var agent *demo.Agent
			site := newSite(t, ours("ours", demo.Settings{}, &agent), wide, 20e6, seed)
			r := newReporter(t, "agent", "20 Mbit/s", test.name, seed)
			var up, down *demo.Sequence
			var books demo.Books
			err := site.act(t.Context(), func(s *stage) (err error) {
				s.fill(bulk(demo.Up, demo.Down))
				if err := books.Look(s.ctx, agent); err != nil {
					return err
				}
				up, down, err = site.venue.Sequences(s.ctx, func(ctx context.Context) error { return test.do(ctx, agent, &books, r) })
				if err != nil {
					return err
				}
				return books.Look(s.ctx, agent)
			})
			if err != nil {
				t.Fatal(err)
			}
			r.figure("counters that went back", "1", float64(len(books.WentBack())))
			for _, way := range []struct {
				name   string
				probes *demo.Sequence
			}{{"up", up}, {"down", down}} {
				r.figure(way.name+" sent", "1", float64(way.probes.Sent()))
				r.figure(way.name+" lost", "1", float64(way.probes.Lost()))
				r.figure(way.name+" not counted", "1", float64(books.Uncounted(demo.Direction(way.name), way.probes)))
				r.figure(way.name+" reordered", "1", float64(way.probes.Reordered()))
				r.figure(way.name+" delay grew", "ms", float64(way.probes.Growth(1))/1e6)
				r.figure(way.name+" sender's gap", "ms", float64(way.probes.SenderGap())/1e6)
			}
		})
	}
}

func retune(ctx context.Context, agent *demo.Agent, books *demo.Books, r reporter) error {
	const length = 5 * time.Second
	changes, err := agent.Retune(ctx, length, books)
	if err != nil {
		return err
	}
	r.figure("longest change", "ms", float64(changes.Longest)/1e6)
	r.figure("changes", "1/s", changes.PerSecond)
	return nil
}

func killAndStart(ctx context.Context, agent *demo.Agent, books *demo.Books, r reporter) error {
	const before, dead, after = 2 * time.Second, 5 * time.Second, 8 * time.Second
	pause(ctx, before)
	ready, err := agent.KillAndStart(ctx, dead, books)
	if err != nil {
		return err
	}
	r.figure("ready after", "ms", float64(ready)/1e6)
	pause(ctx, after)
	return nil
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
		r.figure("call p50", "ms", float64(f.P50)/1e6)
		r.figure("call p99", "ms", float64(f.P99)/1e6)
		r.figure("call lost", "%", 100*float64(f.Lost)/float64(f.Sent))
		r.figure("bulk", "Mbit/s", w.rates[0]/1e6)
		plan, err := agent.Plan(s.ctx, nil)
		r.figure("steps that the kernel lacks", "1", float64(len(plan.Steps)))
		return err
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
