package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
			if diff := cmp.Diff(tt.want, trips.Between(at(tt.from), at(tt.until))); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}
