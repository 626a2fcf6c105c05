package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
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

// start begins something at a random moment within a time.
func (s *stage) start(within time.Duration, run func(context.Context) error) {
	late := s.upTo(within)
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

// startWithin is how long the flows of a load take to begin.
const startWithin = 100 * time.Millisecond

// meter tells how many bytes something has moved so far.
type meter func() (uint64, error)

// sum is the meter of several flows together.
func sum(flows ...*demo.Transfer) meter {
	return func() (total uint64, err error) {
		for _, f := range flows {
			moved, err := f.Moved()
			if err != nil {
				return 0, err
			}
			total += moved
		}
		return total, nil
	}
}

// watch is a span of load: what was moved by each meter, in bit/s, and how long the box, and all that shares its processor, worked.
type watch struct {
	from, until time.Time
	rates       []float64
	busy        time.Duration
}

// watch lets a time go by, and then waits for what is under way.
func (s *stage) watch(d time.Duration, meters ...meter) (w watch, err error) {
	before, err := read(meters)
	if err != nil {
		return w, err
	}
	idle, err := idleTime()
	if err != nil {
		return w, err
	}
	w.from = time.Now()
	pause(s.ctx, d)
	w.until = time.Now()
	idleAfter, err := idleTime()
	if err != nil {
		return w, err
	}
	after, err := read(meters)
	for i := range after {
		w.rates = append(w.rates, float64(after[i]-before[i])*8/w.until.Sub(w.from).Seconds())
	}
	w.busy = w.until.Sub(w.from) - (idleAfter - idle)
	pause(s.ctx, settle)
	return w, errors.Join(err, s.ctx.Err())
}

func read(meters []meter) (all []uint64, err error) {
	for _, m := range meters {
		n, err := m()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// idleTime is how long the processors have idled since they were started.
func idleTime() (time.Duration, error) {
	const hertz, idle = 100, 4 // USER_HZ; the field of the first line of proc(5)'s stat
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) <= idle {
		return 0, fmt.Errorf("read /proc/stat: no idle time in %.80q", text)
	}
	ticks, err := strconv.ParseInt(fields[idle], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read /proc/stat: %w", err)
	}
	return time.Duration(ticks) * time.Second / hertz, nil
}
