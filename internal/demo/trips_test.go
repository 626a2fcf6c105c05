package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTripsBetween(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var trips Trips
	for i := range 200 { // one a millisecond, each 1 ms longer under way than the one before; every tenth gets lost
		trips.Sent(at(i))
		if i%10 != 9 {
			trips.Done(at(i), at(2*i))
		}
	}
	tests := []struct {
		name        string
		from, until int
		want        Figures
	}{
		{"all", 0, 200, Figures{Sent: 200, Lost: 20, P50: 98 * time.Millisecond, P99: 197 * time.Millisecond, Max: 198 * time.Millisecond}},
		{"end is not within", 100, 101, Figures{Sent: 1, P50: 100 * time.Millisecond, P99: 100 * time.Millisecond, Max: 100 * time.Millisecond}},
		{"lost alone", 9, 10, Figures{Sent: 1, Lost: 1}},
		{"nothing", 500, 600, Figures{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := trips.Between(at(tt.from), at(tt.until))
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Figures{}, "Percentiles")); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}

// The percentiles go from the first to the longest, and agree with the figures that have names.
func TestTripsPercentiles(t *testing.T) {
	start := time.Now()
	var trips Trips
	for i := range 1000 {
		at := start.Add(time.Duration(i) * time.Millisecond)
		trips.Sent(at)
		trips.Done(at, at.Add(time.Duration(i+1)*time.Millisecond))
	}
	f := trips.Between(start, start.Add(time.Second))
	var want []time.Duration
	for percent := range 100 {
		want = append(want, time.Duration(percent+1)*10*time.Millisecond)
	}
	if diff := cmp.Diff(want, f.Percentiles); diff != "" {
		t.Errorf("percentiles (-want +got):\n%s", diff)
	}
	if f.Percentiles[49] != f.P50 || f.Percentiles[98] != f.P99 || f.Percentiles[99] != f.Max {
		t.Errorf("percentiles 50, 99 and 100 are not those of %+v", f)
	}
}
