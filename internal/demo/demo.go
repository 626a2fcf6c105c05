package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/nettest"
)

// Options of a run.
type Options struct {
	Duration time.Duration // of each half; 0 means 20 s, less than MinDuration is refused
	Sliced   string        // the agent's program; "" means to build it
	Watch    func(Frame)   // is told what goes on, twice a second; may be nil
}

// MinDuration is what a half needs for its queues to fill.
const MinDuration = 4 * time.Second

// Needs are the kernel features without which there is no demo.
var Needs = []string{"root", "netns", "veth", "bridge", "nft", "tbf", "htb", "ifb", "clsact", "bpf"}

// demo is one run.
type demo struct {
	venue *Venue
	agent *Agent // nil without slicing
	live  live
}

// Run measures both halves. It leaves nothing behind.
func Run(ctx context.Context, opts Options) (_ Report, err error) {
	if opts.Duration == 0 {
		opts.Duration = 20 * time.Second
	}
	if opts.Duration < MinDuration {
		return Report{}, fmt.Errorf("run demo: a half of %s is too short: want %s or more", opts.Duration, MinDuration)
	}
	for _, feature := range Needs {
		if err := nettest.Have(feature); err != nil {
			return Report{}, fmt.Errorf("run demo: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "slicegate-demo-")
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if opts.Watch == nil {
		opts.Watch = func(Frame) {}
	}
	if opts.Sliced == "" {
		opts.Watch(Frame{Note: "building sliced"})
		if opts.Sliced, err = BuildSliced(ctx, dir); err != nil {
			return Report{}, err
		}
	}
	opts.Watch(Frame{Note: fmt.Sprintf("making a venue of %d attendees", Attendees)})
	venue, err := NewVenue(Attendees, DefaultLink)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, venue.Close()) }()
	agent, err := NewAgent(venue.Box, opts.Sliced, dir, DefaultLink)
	if err != nil {
		return Report{}, err
	}

	d := &demo{venue: venue, live: live{venue: venue}}
	g, ctx := errgroup.WithContext(ctx)
	watchCtx, stopWatching := context.WithCancel(ctx)
	var report Report
	g.Go(func() error { return d.live.watch(watchCtx, opts.Watch) })
	g.Go(func() error {
		defer stopWatching()
		report, err = d.run(ctx, agent, opts.Duration)
		return err
	})
	err = g.Wait() // a line of its own: only after it is there a report
	return report, err
}

// run measures without slicing, starts the agent, and measures again.
func (d *demo) run(ctx context.Context, agent *Agent, duration time.Duration) (report Report, err error) {
	if report.Without, err = d.runHalf(ctx, duration); err != nil {
		return report, fmt.Errorf("without slicing: %w", err)
	}
	if err := agent.Start(ctx); err != nil {
		return report, err
	}
	defer func() {
		d.live.end() // or a frame would ask an agent that is going
		err = errors.Join(err, agent.Stop())
	}()
	d.agent = agent
	d.live.slicing(agent)
	if report.With, err = d.runHalf(ctx, duration); err != nil {
		return report, fmt.Errorf("with slicing: %w", err)
	}
	status, err := agent.Status(ctx)
	if err != nil {
		return report, err
	}
	report.Slices = status.Slices
	return report, unsound(status, report)
}

// unsound says what makes a report worthless.
func unsound(status client.Status, report Report) error {
	var errs []error
	for _, uplink := range status.Uplinks {
		if uplink.State != "shaped" {
			errs = append(errs, fmt.Errorf("uplink %s is %s, not shaped", uplink.Name, uplink.State))
		}
	}
	for _, problem := range status.Problems {
		errs = append(errs, fmt.Errorf("agent has a problem: %s (%s)", problem.What, problem.Do))
	}
	for _, part := range []Part{report.Without.Up, report.Without.Down, report.With.Up, report.With.Down} {
		if part.Calls.Sent == part.Calls.Lost {
			errs = append(errs, errors.New("no packet of a call came back"))
		}
	}
	return errors.Join(errs...)
}

// slices gives the agent's figures of one direction; without an agent there are none.
func (d *demo) slices(ctx context.Context, way Direction) ([]client.SliceStatus, error) {
	if d.agent == nil {
		return nil, nil
	}
	return d.agent.slices(ctx, way)
}
