package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
)

// TestLeaves asks what a leaf is worth with many devices: each uploads, and one of them has a flow that sends little too.
func TestLeaves(t *testing.T) {
	seed := begin(t)
	for _, size := range []struct{ devices, mbit int }{{40, 20}, {500, 100}} {
		for _, treatment := range slices.Concat(rivals, behindRouter(new(*demo.Agent))) {
			name := fmt.Sprintf("%d devices, %d Mbit/s", size.devices, size.mbit)
			play(t, "leaves", name, treatment, size.mbit, seed, func(s *stage, r reporter) error {
				if leaf := map[string]string{"ours": "fq_codel", "ours, cake leaf": "cake"}[treatment.Name]; leaf != "" {
					hasLeaves(t, s.Site, leaf)
				}
				return uploads(s, r, size.devices)
			})
		}
	}
}

// hasLeaves wants the tree at the uplink to end in qdiscs of a kind.
func hasLeaves(t *testing.T, site *Site, kind string) {
	t.Helper()
	out := uplinkQdiscs(t, site)
	if got := strings.Count(out, "qdisc "+kind+" "); got != 4 {
		t.Fatalf("%d leaves of the tree are %s, want one for each of four slices:\n%s", got, kind, out)
	}
}

// uplinkQdiscs are those of the tree at the uplink, as tc has them.
func uplinkQdiscs(t *testing.T, site *Site) string {
	t.Helper()
	out, err := site.venue.Box.Output("tc", "qdisc", "show", "dev", demo.UplinkInterface)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func uploads(s *stage, r reporter, n int) error {
	devices, err := s.crowd(n)
	if err != nil {
		return err
	}
	call := s.venue.NewCallProbe(s.venue.Attendees[0], probeEvery, expedited)
	sparse := s.venue.NewPlainProbe(devices[0], sparseEvery)
	s.start(probeEvery, call.Run)
	s.start(sparseEvery, sparse.Run)
	pause(s.ctx, settle)
	idle, err := s.watch(idleFor)
	if err != nil {
		return err
	}
	var meters []meter
	for _, device := range devices {
		meters = append(meters, sum(s.upload(device, 0)))
	}
	pause(s.ctx, fillFor)
	loaded, err := s.watch(loadFor, meters...)
	if err != nil {
		return err
	}
	r.added("call", call.Trips.Between(idle.from, idle.until), call.Trips.Between(loaded.from, loaded.until), loadProbes)
	r.added("sparse", sparse.Trips.Between(idle.from, idle.until), sparse.Trips.Between(loaded.from, loaded.until), sparseProbes)
	bulk := total(loaded.rates)
	r.figure("Jain", "index", jain(loaded.rates))
	r.figure("bulk", "Mbit/s", bulk/1e6)
	megabytes := bulk / 8 * loaded.until.Sub(loaded.from).Seconds() / 1e6
	r.figure("processor", "ms/MB", loaded.busy.Seconds()*1e3/megabytes)
	return nil
}
