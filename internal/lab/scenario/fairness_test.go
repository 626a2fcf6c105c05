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
		for _, look := range []struct {
			slice string
			demo.Look
			size int
			dscp int
		}{{"realtime", demo.LooksRTP, 1000, expedited}, {"signalling", demo.LooksSTUN, 400, expedited}} {
			play(t, "fairness", look.slice+", up, 20 Mbit/s", treatment, 20, seed, func(s *stage, r reporter) error {
				return shareFlooded(s, r, agent, look.slice, demo.Flood{Look: look.Look, Size: look.size, DSCP: look.dscp})
			})
		}
	}
}

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
	r.figure(slice+" 50 flows", "× median", rates[0]/median(rates))
	r.figure(slice, "Mbit/s", total(rates)/1e6)
}

// shareFlooded has every flow offer the same, all together more than the link takes. An agent says whether that was in the slice meant.
func shareFlooded(s *stage, r reporter, agent *demo.Agent, slice string, f demo.Flood) error {
	const load = 30_000_000 // bit/s
	devices, err := s.crowd(crowdSize)
	if err != nil {
		return err
	}
	f.Rate = load / (crowdSize + greedFlows)
	var meters []meter
	for n, device := range devices {
		var flows []meter
		for range flowsOf(n) {
			f.Host = device
			f.Number++
			flows = append(flows, s.flood(f))
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
	before, err := offered(s.ctx, agent, demo.Up)
	if err != nil {
		return err
	}
	w, err := s.watch(loadFor, meters...)
	if err != nil {
		return err
	}
	r.shares(slice, w.rates)
	after, err := offered(s.ctx, agent, demo.Up)
	if err != nil || agent == nil {
		return err
	}
	var all uint64
	for name, bytes := range after {
		all += bytes - before[name]
	}
	r.figure(slice+" in its slice", "%", 100*float64(after[slice]-before[slice])/float64(all))
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
