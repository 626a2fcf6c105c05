package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/demo"
)

// TestDelay holds the kernel's own delays of a slice, as status has them, against what probes in that slice see above the idle path's
// median, before a modem that holds nothing up. The probes are all that is in their slice, so that both views are of the same packets.
func TestDelay(t *testing.T) {
	seed := begin(t)
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		for _, mbit := range []int{1, 5, 20} {
			t.Run(fmt.Sprintf("%s/%d", way, mbit), func(t *testing.T) { squeeze(t, seed, way, mbit) })
		}
	}
	for _, datagrams := range []int{15, 45} {
		t.Run(fmt.Sprintf("bursts/%d", datagrams), func(t *testing.T) { bursts(t, seed, datagrams) })
	}
}

// squeeze compares round trips of a call and of its set-up. They want more than their slices may have one way, so that there is a queue:
// while they want less, a packet of theirs leaves the box at once (0.00 ms at p99, beside whatever bulk), and waits in the modem. The other
// way is wide open.
func squeeze(t *testing.T, seed uint64, way demo.Direction, mbit int) {
	const (
		// What status sums up begins 60 to 65 s ago, with one of its snapshots.
		remembered = 62500 * time.Millisecond
		// CoDel takes its time with what heeds nothing: while delays still fall, the p99 is a matter of where a minute begins.
		calms = 45 * time.Second
	)
	var agent *demo.Agent
	site := newSite(t, ours("ours", demo.Settings{Uplink: "mss_clamp = \"off\"\n"}, &agent), wide, mbit*1e6, seed)
	caller := site.venue.Attendees[0]
	call := site.venue.NewCallProbe(caller, probeEvery, 0)
	signalling := site.venue.NewSTUNProbe(caller, probeEvery, 0)
	between := func(from, until time.Time) map[string]demo.Figures {
		return map[string]demo.Figures{"realtime": call.Trips.Between(from, until), "signalling": signalling.Trips.Between(from, until)}
	}
	var idle, loaded map[string]demo.Figures
	var status client.Status
	err := site.act(t.Context(), func(s *stage) (err error) {
		s.start(0, call.Run)
		s.start(0, signalling.Run)
		pause(s.ctx, settle)
		from := time.Now()
		pause(s.ctx, idleFor)
		idle = between(from, time.Now())
		s.fill(bulk(way))
		if err := narrow(s.ctx, agent, way, mbit); err != nil {
			return err
		}
		pause(s.ctx, calms)
		from = time.Now()
		pause(s.ctx, remembered)
		until := time.Now()
		status, err = agent.Status(s.ctx)
		pause(s.ctx, settle)
		loaded = between(from, until)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, fmt.Sprintf("%s, %d Mbit/s", way, mbit), seed, way, status, idle, loaded)
}

// narrow gives calls and their set-up four fifths of what the probes want, one way.
func narrow(ctx context.Context, agent *demo.Agent, way demo.Direction, mbit int) error {
	wide := client.UplinkChange{Name: "wan", Download: "1gbit"}
	if way == demo.Down {
		wide = client.UplinkChange{Name: "wan", Upload: "1gbit"}
	}
	if err := agent.SetUplink(ctx, wide); err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		kbit float64
	}{{"realtime", 95}, {"signalling", 80}} {
		share := fmt.Sprintf("%.2f%%", s.kbit/float64(mbit*10))
		if err := agent.SetSlice(ctx, client.SliceChange{Name: s.name, Min: "0.1%", Max: share}); err != nil {
			return err
		}
	}
	return nil
}

// compare prints both views of each slice, side by side.
func compare(t *testing.T, name string, seed uint64, way demo.Direction, status client.Status, idle, loaded map[string]demo.Figures) {
	for _, s := range status.Slices {
		if _, ok := loaded[s.Name]; !ok || s.Direction != string(way) {
			continue
		}
		if s.DelayUS == nil || loaded[s.Name].Sent == loaded[s.Name].Lost {
			t.Errorf("%s, %s: nothing was measured: status %+v, probes %+v", name, s.Name, s.DelayUS, loaded[s.Name])
			continue
		}
		r := newReporter(t, "delay", name, s.Name, seed)
		for _, q := range []struct {
			name   string
			kernel uint64
			probe  time.Duration
		}{{"p50", s.DelayUS.P50, loaded[s.Name].P50}, {"p99", s.DelayUS.P99, loaded[s.Name].P99}} {
			kernel, probe := float64(q.kernel)/1e3, float64(q.probe-idle[s.Name].P50)/1e6
			r.figure(q.name+" by the kernel", "ms", kernel)
			r.figure(q.name+" by probes", "ms", probe)
			r.figure(q.name+" differs", "%", 100*(kernel/probe-1))
		}
	}
}
