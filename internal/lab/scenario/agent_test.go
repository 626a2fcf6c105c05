package scenario

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/demo"
)

// TestAgent asks what packets feel of the agent at work: 20 changes of rates a second; a kill -9, 5 s without an agent, and one that
// takes over. A packet a millisecond goes each way beneath 4 + 4 TCP flows that fill 20 Mbit/s, before a modem that holds nothing up.
func TestAgent(t *testing.T) {
	seed := begin(t)
	const undisturbed = 5 * time.Second
	for _, test := range []struct {
		name string
		do   func(ctx context.Context, agent *demo.Agent, r reporter) error
	}{
		{"nothing happens", func(ctx context.Context, _ *demo.Agent, _ reporter) error { pause(ctx, undisturbed); return nil }},
		{"retune", retune},
		{"kill -9 and takeover", killAndStart},
	} {
		t.Run(test.name, func(t *testing.T) {
			var agent *demo.Agent
			site := newSite(t, ours("ours", demo.Settings{}, &agent), wide, 20e6, seed)
			r := newReporter(t, "agent", "20 Mbit/s", test.name, seed)
			var up, down *demo.Sequence
			err := site.act(t.Context(), func(s *stage) (err error) {
				s.fill(bulk(demo.Up, demo.Down))
				before, err := agent.Status(s.ctx)
				if err != nil {
					return err
				}
				up, down, err = site.venue.Sequences(s.ctx, func(ctx context.Context) error { return test.do(ctx, agent, r) })
				if err != nil {
					return err
				}
				after, err := agent.Status(s.ctx)
				if err != nil {
					return err
				}
				r.figure("counters that went back", "1", float64(wentBack(before, after)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, way := range []struct {
				name string
				*demo.Sequence
			}{{"up", up}, {"down", down}} {
				r.figure(way.name+" sent", "1", float64(way.Sent()))
				r.figure(way.name+" lost", "1", float64(way.Lost()))
				r.figure(way.name+" reordered", "1", float64(way.Reordered()))
				r.figure(way.name+" delay grew", "ms", float64(way.Growth(1))/1e6)
				r.figure(way.name+" sender's gap", "ms", float64(way.SenderGap())/1e6)
			}
		})
	}
}

// retune changes slices 20 times a second for 5 s.
func retune(ctx context.Context, agent *demo.Agent, r reporter) error {
	changes := []client.SliceChange{
		{Name: "media", Max: "60%"}, {Name: "realtime", Max: "70%"}, {Name: "telemetry", Max: "50%"},
		{Name: "media", Max: "100%"}, {Name: "realtime", Max: "80%"}, {Name: "telemetry", Max: "100%"},
	}
	const perSecond, length = 20, 5 * time.Second
	var longest time.Duration
	began := time.Now()
	for n := range int(length.Seconds() * perSecond) {
		pause(ctx, time.Until(began.Add(time.Duration(n)*time.Second/perSecond)))
		asked := time.Now()
		if err := agent.SetSlice(ctx, changes[n%len(changes)]); err != nil {
			return err
		}
		longest = max(longest, time.Since(asked))
	}
	r.figure("longest change", "ms", float64(longest)/1e6)
	r.figure("changes", "1/s", perSecond*length.Seconds()/max(time.Since(began), length).Seconds())
	return nil
}

// killAndStart kills the agent, and starts it again after a while.
func killAndStart(ctx context.Context, agent *demo.Agent, r reporter) error {
	const before, dead, after = 2 * time.Second, 5 * time.Second, 8 * time.Second
	pause(ctx, before)
	if err := agent.Kill(); err != nil {
		return err
	}
	pause(ctx, dead)
	began := time.Now()
	if err := agent.Start(ctx); err != nil {
		return fmt.Errorf("start after kill -9: %w", err)
	}
	r.figure("ready after", "ms", float64(time.Since(began))/1e6)
	pause(ctx, after)
	return nil
}

// wentBack counts the counters of slices that are lower than before.
func wentBack(before, after client.Status) (n int) {
	for i, s := range after.Slices {
		was := before.Slices[i]
		if s.Bytes < was.Bytes || s.Packets < was.Packets || s.Drops < was.Drops {
			n++
		}
	}
	return n
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
