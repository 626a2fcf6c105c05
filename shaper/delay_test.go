package shaper

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDelayQuantiles(t *testing.T) {
	us := time.Microsecond
	tests := []struct {
		name string
		fill func(h *Histogram)
		want Delay
		ok   bool
	}{
		{"empty", func(*Histogram) {}, Delay{}, false},
		{"one", func(h *Histogram) { h.Buckets[3] = 1 }, Delay{4 * us, 4 * us, 4 * us}, true},
		{"a hundred and one late", func(h *Histogram) { h.Buckets[0], h.Buckets[32] = 100, 1 }, Delay{us, us, 34 * us}, true},
		{"two in a hundred late", func(h *Histogram) { h.Buckets[0], h.Buckets[32] = 98, 2 }, Delay{us, 34 * us, 34 * us}, true},
		{"halves", func(h *Histogram) { h.Buckets[0], h.Buckets[1] = 5, 5 }, Delay{us, 2 * us, 2 * us}, true},
	}
	for _, tt := range tests {
		var h Histogram
		tt.fill(&h)
		got, ok := h.Delay()
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestHistogramSince(t *testing.T) {
	var before, now Histogram
	before.Buckets[1], before.Sum = 4, time.Second
	now.Buckets[1], now.Buckets[2], now.Sum = 6, 1, 3*time.Second
	want := Histogram{Sum: 2 * time.Second}
	want.Buckets[1], want.Buckets[2] = 2, 1
	if diff := cmp.Diff(want, now.since(&before)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(now, now.since(nil)); diff != "" {
		t.Errorf("since nothing (-want +got)\n%s", diff)
	}
}
