package scenario

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
)

// reporter prints the figures of one case under one treatment.
type reporter struct {
	t       *testing.T
	base    lab.Figure
	printed *int
}

// newReporter makes a reporter that fails the test if it ends without a figure.
func newReporter(t *testing.T, scenario, name, treatment string, seed uint64) reporter {
	r := reporter{t, lab.Figure{Scenario: scenario, Case: name, Treatment: treatment, Seed: seed}, new(int)}
	t.Cleanup(func() {
		if *r.printed == 0 && !t.Failed() {
			t.Errorf("%s, %s: no figure was printed", name, treatment)
		}
	})
	return r
}

func (r reporter) figure(name, unit string, value float64) {
	f := r.base
	f.Name, f.Unit, f.Value = name, unit, value
	r.write(f)
}

func (r reporter) write(f lab.Figure) {
	if err := f.Write(os.Stdout); err != nil {
		r.t.Error(err)
	}
	*r.printed++
}

// added prints a probe's delays under load above the idle path's median. Figures of nothing are an error, and so are those of fewer probes
// than the scenario promises to send.
func (r reporter) added(name string, idle, loaded demo.Figures, promised int) {
	r.t.Helper()
	if !r.answered(name, "idle", idle) || !r.answered(name, "under load", loaded) {
		return
	}
	r.kept(name, loaded, promised)
	above := func(d time.Duration) float64 { return float64(d-idle.P50) / 1e6 }
	r.figure(name+" probes", "packets", float64(loaded.Sent))
	r.figure(name+" p50", "ms", above(loaded.P50))
	r.figure(name+" p99", "ms", above(loaded.P99))
	r.figure(name+" max", "ms", above(loaded.Max))
	r.figure(name+" lost", "%", 100*float64(loaded.Lost)/float64(loaded.Sent))
	r.figure(name+" idle", "ms", float64(idle.P50)/1e6)
	all := r.base
	all.Name, all.Unit, all.Value = name+" added", "ms", above(loaded.P50)
	for _, d := range loaded.Percentiles {
		all.Spread = append(all.Spread, math.Round(above(d)*1e3)/1e3) // whole microseconds
	}
	r.write(all)
}

// kept fails where fewer probes were sent than promised.
func (r reporter) kept(name string, f demo.Figures, promised int) {
	r.t.Helper()
	if f.Sent < promised {
		r.t.Errorf("%s: only %d of %d probes were sent: the sender had no time for the rest", name, f.Sent, promised)
	}
}

// answered tells whether probes came back.
func (r reporter) answered(name, when string, f demo.Figures) bool {
	r.t.Helper()
	if f.Sent == f.Lost {
		r.t.Errorf("%s, %s: none of %d probes came back", name, when, f.Sent)
		return false
	}
	return true
}
