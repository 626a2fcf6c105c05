package scenario

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
	"github.com/slicegate/slicegate/internal/nettest"
)

// needs are the kernel features of a site and of all treatments.
var needs = append([]string{"netem", "fq_codel", "cake"}, demo.Needs...)

// TestMain keeps what the lab tells Go's runtime for the scenarios: an agent that they start runs as it does elsewhere.
func TestMain(m *testing.M) {
	if err := os.Unsetenv("GODEBUG"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// begin gives the seed that tells runs of a scenario apart, on a kernel that has what scenarios need.
func begin(t *testing.T) (seed uint64) {
	t.Helper()
	seed = seedOf(t)
	nettest.Require(t, needs...)
	return seed
}

// seedOf reads the seed. Without one it is not the lab that asks, and an hour's scenarios would be in everybody's way; a run in the lab
// that prints no figure is an error there.
func seedOf(t *testing.T) (seed uint64) {
	t.Helper()
	text, ok := os.LookupEnv(lab.SeedVariable)
	if !ok {
		t.Skipf("scenarios are for make lab, which sets %s", lab.SeedVariable)
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("read %s: %v", lab.SeedVariable, err)
	}
	return seed
}

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
				for _, treatment := range Treatments {
					t.Run(fmt.Sprintf("%s/%s/%d/%s", mix.name, way, mbit, treatment.Name), func(t *testing.T) {
						r := newReporter(t, "isolation", fmt.Sprintf("%s, %s, %d Mbit/s", mix.name, way, mbit), treatment.Name, seed)
						isolate(t, r, newShaped(t, treatment, mbit, seed), mix.load(way))
					})
				}
			}
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
