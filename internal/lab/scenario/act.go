package scenario

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slicegate/slicegate/internal/demo"
)

// stage is where a scenario's acts are: a site with its far side running, on which things are started in turn.
type stage struct {
	*Site
	g   *errgroup.Group
	ctx context.Context // of what was started; this is the body of a function that act gives it to
}

// act runs the far side and body. What body starts ends with it.
func (s *Site) act(ctx context.Context, body func(*stage) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.far.Run(ctx) })
	g.Go(func() error {
		defer end()
		return body(&stage{Site: s, g: g, ctx: ctx})
	})
	return g.Wait()
}

// start begins something at a random moment within a time; 0 is now.
func (s *stage) start(within time.Duration, run func(context.Context) error) {
	var late time.Duration
	if within > 0 {
		late = s.upTo(within)
	}
	s.g.Go(func() error {
		pause(s.ctx, late)
		return run(s.ctx)
	})
}

// upload begins a flow of a host's to the web server, marked with a DSCP.
func (s *stage) upload(host *demo.Host, dscp int) *demo.Transfer {
	return s.transferFrom(host, demo.PortWeb, demo.Up, dscp)
}

func (s *stage) transferFrom(host *demo.Host, port uint16, way demo.Direction, dscp int) *demo.Transfer {
	t := &demo.Transfer{Host: host, Peer: s.venue.Server.At(demo.V4, port), Direction: way, DSCP: dscp}
	s.start(startWithin, t.Run)
	return t
}

// flood begins one.
func (s *stage) flood(f demo.Flood) meter {
	f.Peer = s.venue.Server.At(demo.V4, demo.PortSink)
	s.start(f.Gap(), f.Run)
	return func() (uint64, error) { return s.far.Sunk.Bytes(f.Number), nil }
}

// pull begins a flood that comes down.
func (s *stage) pull(f demo.Flood) meter {
	p := &demo.Pull{Flood: f, From: s.venue.Server}
	s.start(f.Gap(), p.Run)
	return func() (uint64, error) { return p.Bytes(), nil }
}

// startWithin is how long the flows of a load take to begin.
const startWithin = 100 * time.Millisecond

// Load is a bulk flow.
type Load struct {
	Direction demo.Direction
	Port      uint16
}

// bulk is four TCP flows in each of the given directions, all of them in one slice.
func bulk(ways ...demo.Direction) (load []Load) {
	for _, way := range ways {
		for range 4 {
			load = append(load, Load{Direction: way, Port: demo.PortWeb})
		}
	}
	return load
}

// fill begins a load, a device of its own for each of its first flows, and returns when the queues are full.
func (s *stage) fill(load []Load) (up, down meter) {
	flows := make(map[demo.Direction][]*demo.Transfer)
	for i, l := range load {
		host := s.venue.Attendees[1+i%(attendees-1)]
		flows[l.Direction] = append(flows[l.Direction], s.transferFrom(host, l.Port, l.Direction, 0))
	}
	pause(s.ctx, fillFor)
	return sum(flows[demo.Up]...), sum(flows[demo.Down]...)
}
