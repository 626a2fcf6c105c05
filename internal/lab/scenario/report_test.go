package scenario

import (
	"os"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
)

// row prints figures of one case under one treatment.
type row struct {
	t    *testing.T
	base lab.Figure
}

func newRow(t *testing.T, scenario, name, treatment string, seed uint64) row {
	return row{t, lab.Figure{Scenario: scenario, Case: name, Treatment: treatment, Seed: seed}}
}

func (r row) figure(name, unit string, value float64) {
	f := r.base
	f.Name, f.Unit, f.Value = name, unit, value
	if err := f.Write(os.Stdout); err != nil {
		r.t.Error(err)
	}
}

// newSite makes a site that goes with the test.
func newSite(t *testing.T, treatment Treatment, link demo.Link, shaped int, seed uint64) *Site {
	site, err := newSiteAt(t.Context(), treatment, link, shaped, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	})
	return site
}
