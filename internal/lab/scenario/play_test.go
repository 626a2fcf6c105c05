package scenario

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
)

// reporter prints the figures of one case under one treatment.
type reporter struct {
	t    *testing.T
	base lab.Figure
}

func (r reporter) figure(name, unit string, value float64) {
	f := r.base
	f.Name, f.Unit, f.Value = name, unit, value
	if err := f.Write(os.Stdout); err != nil {
		r.t.Error(err)
	}
}

// added prints a probe's delays under load above the idle path's median. Figures of nothing are an error.
func (r reporter) added(name string, idle, loaded demo.Figures) {
	for when, f := range map[string]demo.Figures{"idle": idle, "under load": loaded} {
		if f.Sent == f.Lost {
			r.t.Errorf("%s, %s: none of %d probes came back", name, when, f.Sent)
		}
	}
	above := func(d time.Duration) float64 { return float64(d-idle.P50) / 1e6 }
	r.figure(name+" p50", "ms", above(loaded.P50))
	r.figure(name+" p99", "ms", above(loaded.P99))
	r.figure(name+" lost", "%", 100*float64(loaded.Lost)/float64(loaded.Sent))
}

// play runs one case of a scenario under one treatment: body on a site of its own.
func play(t *testing.T, scenario, name string, treatment Treatment, mbit int, seed uint64, body func(*stage, reporter) error) {
	t.Run(strings.ReplaceAll(name, "/s", "")+"/"+treatment.Name, func(t *testing.T) {
		site, err := NewSite(t.Context(), treatment, mbit*1e6, seed)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := site.Close(); err != nil {
				t.Error(err)
			}
		}()
		r := reporter{t, lab.Figure{Scenario: scenario, Case: name, Treatment: treatment.Name, Seed: seed}}
		if err := site.act(t.Context(), func(s *stage) error { return body(s, r) }); err != nil {
			t.Fatal(err)
		}
	})
}
