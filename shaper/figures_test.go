package shaper

import (
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// What a reconcile may take: one that finds nothing to do or one rate to change, and one that makes everything.
const (
	lookBound  = 20 * time.Millisecond
	applyBound = 300 * time.Millisecond
)

// atMost fails a benchmark whose operations took longer, on average.
func atMost(b *testing.B, bound time.Duration) {
	b.Helper()
	if took := b.Elapsed() / time.Duration(b.N); took > bound {
		b.Errorf("took %s, want at most %s", took, bound)
	}
}

// BenchmarkReconcile prints what a look at an unchanged system, a retune and a full apply cost. The first writes nothing.
func BenchmarkReconcile(b *testing.B) {
	f := newField(b)
	cfg := fieldConfig(b)
	r := f.reconciler(b)
	must(b, r.Set(b.Context(), cfg))
	b.Run("unchanged", func(b *testing.B) {
		before := r.Reconciles()[Changed]
		for b.Loop() {
			must(b, r.Set(b.Context(), cfg))
		}
		atMost(b, lookBound)
		if written := r.Reconciles()[Changed] - before; written != 0 {
			b.Errorf("%d reconciles of an unchanged system wrote", written)
		}
	})
	b.Run("retune", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			cfg.Uplinks[0].Download = slice.Rate(40+i%2) * slice.Mbit
			must(b, r.Set(b.Context(), cfg))
		}
		atMost(b, lookBound)
	})
	b.Run("from_nothing", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_, err := r.Teardown(b.Context())
			must(b, err)
			b.StartTimer()
			must(b, r.Resume(b.Context()))
		}
		atMost(b, applyBound)
	})
}
