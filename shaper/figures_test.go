package shaper

import (
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
)

// BenchmarkReconcile prints what a look at an unchanged system and a retune cost.
func BenchmarkReconcile(b *testing.B) {
	f := newField(b)
	cfg := fieldConfig(b)
	r := f.reconciler(b)
	must(b, r.Set(b.Context(), cfg))
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			must(b, r.Set(b.Context(), cfg))
		}
	})
	b.Run("retune", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			cfg.Uplinks[0].Download = slice.Rate(40+i%2) * slice.Mbit
			must(b, r.Set(b.Context(), cfg))
		}
	})
	b.Run("from_nothing", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_, err := r.Teardown(b.Context())
			must(b, err)
			b.StartTimer()
			must(b, r.Resume(b.Context()))
		}
	})
}
