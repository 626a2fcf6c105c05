package scenario

import (
	"strings"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
)

// newSite makes a site that goes with the test.
func newSite(t *testing.T, treatment Treatment, link demo.Link, shaped int, seed uint64) *Site {
	t.Helper()
	site, err := NewSite(t.Context(), treatment, link, shaped, seed)
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

// newShaped makes a site behind a modem of so many Mbit/s, which goes with the test.
func newShaped(t *testing.T, treatment Treatment, mbit int, seed uint64) *Site {
	t.Helper()
	rate := mbit * 1e6
	return newSite(t, treatment, contract(rate), int(float64(rate)*shapedTo), seed)
}

// play runs one case of a scenario under one treatment: body on a site of its own.
func play(t *testing.T, scenario, name string, treatment Treatment, mbit int, seed uint64, body func(*stage, reporter) error) {
	t.Run(strings.ReplaceAll(name, "/s", "")+"/"+treatment.Name, func(t *testing.T) {
		r := newReporter(t, scenario, name, treatment.Name, seed)
		if err := newShaped(t, treatment, mbit, seed).act(t.Context(), func(s *stage) error { return body(s, r) }); err != nil {
			t.Fatal(err)
		}
	})
}
