package scenario

import (
	"context"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestAgent asks what packets feel of the agent at work: 20 changes of slices' max a second; a kill -9, 5 s without an agent, and one that
// takes over. A packet a millisecond goes each way beneath 4 + 4 TCP flows that fill 20 Mbit/s. Before a modem that holds nothing up the
// delays are the box's alone; behind one at the contract's rate, what the box let through too fast would wait in the modem.
func TestAgent(t *testing.T) {
	seed := begin(t)
	const undisturbed = 5 * time.Second
	for _, test := range []struct {
		name string
		do   agentWork
	}{
		{"nothing happens", func(ctx context.Context, _ *demo.Agent, _ *demo.Books, _ reporter) error {
			pause(ctx, undisturbed)
			return nil
		}},
		{"retune", retune},
		{"kill -9 and takeover", killAndStart},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReporter(t, "agent", "20 Mbit/s", test.name, seed)
			var agent *demo.Agent
			disturb(t, r, newSite(t, ours("ours", demo.Settings{}, &agent), wide, 20e6, seed), agent, test.do)
		})
		t.Run(test.name+", behind a modem", func(t *testing.T) {
			const rate, shaped = 20e6, 20e6 * shapedTo
			r := newReporter(t, "agent", "20 Mbit/s, behind a modem", test.name, seed)
			var agent *demo.Agent
			up, down := disturb(t, r, newSite(t, ours("ours", demo.Settings{}, &agent), contract(rate), shaped, seed), agent, test.do)
			r.queued("", up, 1)
			r.queued("down, ", down, 1)
		})
	}
}

// agentWork is what an agent does, or what is done to it, while packets pass.
type agentWork func(ctx context.Context, agent *demo.Agent, books *demo.Books, r reporter) error

// disturb has packets pass under load while the agent works, and prints what became of them. It gives what waited in the modem meanwhile.
func disturb(t *testing.T, r reporter, site *Site, agent *demo.Agent, do agentWork) (queueUp, queueDown []time.Duration) {
	t.Helper()
	var up, down *demo.Sequence
	var books demo.Books
	err := site.act(t.Context(), func(s *stage) (err error) {
		s.fill(bulk(demo.Up, demo.Down))
		if err := books.Look(s.ctx, agent); err != nil {
			return err
		}
		up, down, err = site.venue.Sequences(s.ctx, func(ctx context.Context) (err error) {
			queueUp, err = s.watchModemDuring(ctx, demo.Up, func(ctx context.Context) (err error) {
				queueDown, err = s.watchModemDuring(ctx, demo.Down, func(ctx context.Context) error { return do(ctx, agent, &books, r) })
				return err
			})
			return err
		})
		if err != nil {
			return err
		}
		return books.Look(s.ctx, agent)
	})
	if err != nil {
		t.Fatal(err)
	}
	r.figure("counters that went back", "counters", float64(len(books.WentBack())))
	for _, way := range []struct {
		name   string
		probes *demo.Sequence
	}{{"up", up}, {"down", down}} {
		r.figure(way.name+" sent", "packets", float64(way.probes.Sent()))
		r.figure(way.name+" lost", "packets", float64(way.probes.Lost()))
		r.figure(way.name+" not counted", "packets", float64(books.Uncounted(demo.Direction(way.name), way.probes)))
		r.figure(way.name+" reordered", "packets", float64(way.probes.Reordered()))
		r.figure(way.name+" delay grew", "ms", float64(way.probes.Growth(1))/1e6)
		r.figure(way.name+" sender's gap", "ms", float64(way.probes.SenderGap())/1e6)
	}
	return queueUp, queueDown
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
