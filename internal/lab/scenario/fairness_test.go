package scenario

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// crowdSize is how many devices share in TestFairness; the first of them has greedFlows flows, everybody else one.
const crowdSize, greedFlows = 500, 50

// shareFor is how long best effort is watched: telemetry has two full packets a second for each device, and TCP waits seconds after a loss,
// so in 15 s some devices hardly had their turn.
const shareFor = 75 * time.Second

// TestFairness asks what each of many devices gets when one has many flows, in each slice.
func TestFairness(t *testing.T) {
	seed := begin(t)
	var agent *demo.Agent // none with a rival: these come first
	for _, treatment := range slices.Concat(rivals, behindRouter(&agent)) {
		for _, way := range []demo.Direction{demo.Up, demo.Down} {
			play(t, "fairness", fmt.Sprintf("media and telemetry, %s, 100 Mbit/s", way), treatment, 100, seed, func(s *stage, r reporter) error {
				return shareBestEffort(s, r, agent, way)
			})
		}
		for _, flood := range floods {
			for _, way := range []demo.Direction{demo.Up, demo.Down} {
				play(t, "fairness", fmt.Sprintf("%s, %s, 20 Mbit/s", flood.slice, way), treatment, 20, seed, func(s *stage, r reporter) error {
					return flood.share(s, r, agent, way)
				})
			}
		}
	}
}

// slicedFlood is datagrams that are to be in a slice.
type slicedFlood struct {
	slice string
	look  demo.Look
	size  int
}

var floods = []slicedFlood{{"realtime", demo.LooksRTP, 1000}, {"signalling", demo.LooksSTUN, 400}}

// floodOf is what all flows together offer, of payload, in bit/s, on a link of 20 Mbit/s. What goes up is more than the link. What comes down is more
// than either slice may have, and yet fits the link: what the provider drops can't be shared out behind it.
var floodOf = map[demo.Direction]int{demo.Up: 30_000_000, demo.Down: 18_000_000}

// flowsOf is how many flows the nth device has.
func flowsOf(n int) int {
	if n == 0 {
		return greedFlows
	}
	return 1
}

// shareBestEffort has each device fill two slices. An agent says whether what its flows moved was in the slice meant.
func shareBestEffort(s *stage, r reporter, agent *demo.Agent, way demo.Direction) error {
	devices, err := s.crowd(crowdSize)
	if err != nil {
		return err
	}
	ports := map[string]uint16{"media": demo.PortWeb, "telemetry": demo.PortBackup}
	var meters []meter
	for _, slice := range []string{"media", "telemetry"} {
		for n, device := range devices {
			var flows []*demo.Transfer
			for range flowsOf(n) {
				flows = append(flows, s.transferFrom(device, ports[slice], way, 0))
			}
			meters = append(meters, sum(flows...))
		}
	}
	pause(s.ctx, fillFor)
	before, err := offered(s.ctx, agent, way)
	if err != nil {
		return err
	}
	w, err := s.watch(shareFor, meters...)
	if err != nil {
		return err
	}
	after, err := offered(s.ctx, agent, way)
	if err != nil {
		return err
	}
	for n, slice := range []string{"media", "telemetry"} {
		rates := w.rates[n*crowdSize:][:crowdSize]
		r.shares(slice, rates)
		if agent != nil { // what was offered has headers, and is sent again where it was dropped
			moved := total(rates) / 8 * w.until.Sub(w.from).Seconds()
			r.figure(slice+" in its slice", "%", min(100, 100*float64(after[slice]-before[slice])/moved))
		}
	}
	return nil
}

// shares prints how even a slice's devices came off.
func (r reporter) shares(slice string, rates []float64) {
	r.figure(slice+" Jain", "index", jain(rates))
	r.figure(slice+" 50 flows", "× median", times(rates[0], median(rates)))
	r.figure(slice, "Mbit/s", total(rates)/1e6)
}

// share has every flow offer the same. An agent says whether that was in the slice meant.
func (f slicedFlood) share(s *stage, r reporter, agent *demo.Agent, way demo.Direction) error {
	devices, err := s.crowd(crowdSize)
	if err != nil {
		return err
	}
	one := demo.Flood{Look: f.look, Size: f.size, DSCP: expedited, Rate: floodOf[way] / (crowdSize + greedFlows)}
	begin := s.flood
	if way == demo.Down {
		begin = s.pull
	}
	var meters []meter
	for n, device := range devices {
		var flows []meter
		for range flowsOf(n) {
			one.Host = device
			one.Number++
			flows = append(flows, begin(one))
		}
		meters = append(meters, func() (bytes uint64, err error) {
			all, err := read(flows)
			for _, n := range all {
				bytes += n
			}
			return bytes, err
		})
	}
	pause(s.ctx, fillFor)
	before, err := offered(s.ctx, agent, way)
	if err != nil {
		return err
	}
	w, err := s.watch(loadFor, meters...)
	if err != nil {
		return err
	}
	r.shares(f.slice, w.rates)
	after, err := offered(s.ctx, agent, way)
	if err != nil || agent == nil {
		return err
	}
	var all uint64
	for name, bytes := range after {
		all += bytes - before[name]
	}
	r.figure(f.slice+" in its slice", "%", 100*float64(after[f.slice]-before[f.slice])/float64(all))
	return nil
}

// offered is what each slice was offered one way so far, in bytes; nothing without an agent to ask.
func offered(ctx context.Context, agent *demo.Agent, way demo.Direction) (map[string]uint64, error) {
	if agent == nil {
		return nil, nil
	}
	status, err := agent.Status(ctx)
	if err != nil {
		return nil, err
	}
	bytes := make(map[string]uint64)
	for _, s := range status.Slices {
		if s.Direction == string(way) {
			bytes[s.Name] += s.Bytes
		}
	}
	return bytes, nil
}
