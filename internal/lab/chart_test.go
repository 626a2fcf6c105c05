package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chartFigures are of two treatments with two seeds, in one case.
func chartFigures() (all []Figure) {
	for seed := range uint64(2) {
		for i, treatment := range []string{ours, cakeDiffserv} {
			f := Figure{Kernel: charted, Scenario: "isolation", Case: "one slice, up, 5 Mbit/s", Treatment: treatment, Seed: seed, Unit: "ms"}
			f.Name, f.Value = "call p99", float64(i+1)+float64(seed)/2
			all = append(all, f)
			lost := f
			lost.Name, lost.Unit, lost.Value = "call lost", "%", 4*float64(i)*float64(seed+1)
			f.Name, f.Spread = "call added", []float64{float64(seed), float64(2*seed) + 1}
			all = append(all, lost, f)
		}
	}
	return all
}

// Curves and bars are medians, in the treatments' order and colours; what was not measured has no chart, and no group in one.
func TestCharts(t *testing.T) {
	const cakes, own = "#009e73", "#d55e00"
	want := []Chart{
		{
			Name: "delay-up-5", Title: "A call's added round trip beneath 4 TCP flows up, 5 Mbit/s (2 seeds)", Value: "ms above the idle path's median", Log: true,
			Curves: []Curve{{cakeDiffserv, cakes, []float64{0.5, 2}, 6}, {ours, own, []float64{0.5, 2}, 0}},
		},
		{
			Name: "call-p99-up", Title: "A call's added round trip, p99, 4 TCP flows up in one slice (2 seeds)", Value: "ms", Log: true,
			Groups: []string{"5 Mbit/s"},
			Bars:   []Bars{{cakeDiffserv, cakes, []Bar{{0, 2.25, 2, 2.5}}}, {ours, own, []Bar{{0, 1.25, 1, 1.5}}}},
		},
	}
	if diff := cmp.Diff(want, charts(chartFigures())); diff != "" {
		t.Errorf("charts (-want +got)\n%s", diff)
	}
}

// A title says how many seeds there are, from the fewest to the most.
func TestSeedWords(t *testing.T) {
	for want, counts := range map[string][]int{"": nil, " (1 seed)": {1, 1}, " (3 seeds)": {3, 3}, " (1 to 3 seeds)": {1, 3, 1}} {
		if got := seedWords(counts); got != want {
			t.Errorf("%v: %q, want %q", counts, got, want)
		}
	}
}
