package scenario

import (
	"fmt"
	"slices"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
)

// mixes are the loads of TestIsolation, by which slices their flows are in and where they go: four, or two each way.
var mixes = []struct {
	name string
	load func(way string) []Load
}{
	{"one slice", func(way string) []Load { return flows(way, demo.PortWeb, demo.PortWeb) }},
	{"two slices", func(way string) []Load { return flows(way, demo.PortWeb, demo.PortBackup) }},
}

// flows are two to each port: in one direction, or one in each.
func flows(way string, ports ...uint16) (load []Load) {
	ways := []demo.Direction{demo.Direction(way), demo.Direction(way)}
	if way == both {
		ways = []demo.Direction{demo.Up, demo.Down}
	}
	for _, direction := range ways {
		for _, port := range ports {
			load = append(load, Load{Direction: direction, Port: port})
		}
	}
	return load
}

// both directions at once.
const both = "both"

// TestIsolation asks what bulk costs a call and its set-up: four TCP flows of as many devices saturate one direction, or two each, all
// of them in one slice, or half of them in each best-effort slice.
func TestIsolation(t *testing.T) {
	seed := begin(t)
	for _, mix := range mixes {
		for _, way := range []string{string(demo.Up), string(demo.Down), both} {
			for _, mbit := range []int{1, 3, 5, 20, 100} {
				var agent *demo.Agent
				for _, treatment := range slices.Concat(rivals, []Treatment{ours("ours", demo.Settings{}, &agent)}) {
					t.Run(fmt.Sprintf("%s/%s/%d/%s", mix.name, way, mbit, treatment.Name), func(t *testing.T) {
						r := newReporter(t, "isolation", fmt.Sprintf("%s, %s, %d Mbit/s", mix.name, way, mbit), treatment.Name, seed)
						isolate(t, r, newShaped(t, treatment, mbit, seed), mix.load(way))
						inSlices(t, agent, mix.load(way))
					})
				}
			}
		}
	}
}

// inSlices wants an agent's slices to have carried a load as its ports say: telemetry what goes to backups, or next to nothing.
func inSlices(t *testing.T, agent *demo.Agent, load []Load) {
	t.Helper()
	if agent == nil {
		return
	}
	const some, hardly = 0.05, 0.01
	backups := slices.ContainsFunc(load, func(l Load) bool { return l.Port == demo.PortBackup })
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		if !slices.ContainsFunc(load, func(l Load) bool { return l.Direction == way }) {
			continue
		}
		bytes, err := offered(t.Context(), agent, way)
		if err != nil {
			t.Fatal(err)
		}
		share := float64(bytes["telemetry"]) / float64(bytes["media"]+bytes["telemetry"])
		if backups && share < some || !backups && share > hardly {
			t.Errorf("%s: of best effort %.1f %% is telemetry: %v", way, 100*share, bytes)
		}
	}
}

// isolate measures a site under a load. Goodput is of the direction that the load has, or of each.
func isolate(t *testing.T, r reporter, site *Site, load []Load) {
	idle, loaded, err := site.Measure(t.Context(), load)
	if err != nil {
		t.Fatal(err)
	}
	r.added("call", idle.Call, loaded.Call, loadProbes)
	r.added("signalling", idle.Signalling, loaded.Signalling, loadProbes)
	switch {
	case loaded.Up > 0 && loaded.Down > 0:
		r.figure("bulk up", "Mbit/s", loaded.Up/1e6)
		r.figure("bulk down", "Mbit/s", loaded.Down/1e6)
	default:
		r.figure("bulk", "Mbit/s", (loaded.Up+loaded.Down)/1e6)
	}
}
