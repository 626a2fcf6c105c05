package scenario

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
	"github.com/slicegate/slicegate/internal/nettest"
)

// needs are the kernel features of a site and of all treatments.
var needs = append([]string{"netem", "fq_codel", "cake"}, demo.Needs...)

// begin gives the seed that tells runs of a scenario apart. Without one it is not the lab that asks, and an hour's scenarios would be
// in everybody's way; a run in the lab that prints no figure is an error there.
func begin(t *testing.T) (seed uint64) {
	t.Helper()
	text, ok := os.LookupEnv(lab.SeedVariable)
	if !ok {
		t.Skipf("scenarios are for make lab, which sets %s", lab.SeedVariable)
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("read %s: %v", lab.SeedVariable, err)
	}
	nettest.Require(t, needs...)
	return seed
}

// TestIsolation asks what bulk costs a call and its set-up: four TCP flows of as many devices saturate one direction, all of them in
// one slice, or two in each best-effort slice.
func TestIsolation(t *testing.T) {
	seed := begin(t)
	mixes := map[string][]uint16{
		"one slice":  {demo.PortWeb, demo.PortWeb, demo.PortWeb, demo.PortWeb},
		"two slices": {demo.PortWeb, demo.PortBackup, demo.PortWeb, demo.PortBackup},
	}
	for _, mix := range []string{"one slice", "two slices"} {
		for _, way := range []demo.Direction{demo.Up, demo.Down} {
			for _, mbit := range []int{1, 3, 5, 20, 100} {
				for _, treatment := range Treatments {
					name := fmt.Sprintf("%s/%s/%d/%s", mix, way, mbit, treatment.Name)
					t.Run(name, func(t *testing.T) {
						var load []Load
						for _, port := range mixes[mix] {
							load = append(load, Load{Direction: way, Port: port})
						}
						isolate(t, fmt.Sprintf("%s, %s, %d Mbit/s", mix, way, mbit), treatment, mbit, load, seed)
					})
				}
			}
		}
	}
}

func isolate(t *testing.T, name string, treatment Treatment, mbit int, load []Load, seed uint64) {
	site, err := NewSite(t.Context(), treatment, mbit*1e6, seed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	}()
	idle, loaded, err := site.Measure(t.Context(), load)
	if err != nil {
		t.Fatal(err)
	}
	report := func(what, unit string, value float64) {
		f := lab.Figure{Scenario: "isolation", Case: name, Treatment: treatment.Name, Seed: seed, Name: what, Unit: unit, Value: value}
		if err := f.Write(os.Stdout); err != nil {
			t.Error(err)
		}
	}
	for _, probe := range []struct {
		name         string
		idle, loaded demo.Figures
	}{{"call", idle.Call, loaded.Call}, {"signalling", idle.Signalling, loaded.Signalling}} {
		added := func(d time.Duration) float64 { return float64(d-probe.idle.P50) / 1e6 }
		report(probe.name+" p50", "ms", added(probe.loaded.P50))
		report(probe.name+" p99", "ms", added(probe.loaded.P99))
		report(probe.name+" max", "ms", added(probe.loaded.Max))
		report(probe.name+" lost", "%", 100*float64(probe.loaded.Lost)/float64(probe.loaded.Sent))
		report(probe.name+" idle", "ms", float64(probe.idle.P50)/1e6)
	}
	report("bulk", "Mbit/s", loaded.Goodput/1e6)
}
