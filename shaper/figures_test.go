package shaper

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	b.Run("from_nothing_cold", func(b *testing.B) { // the kernel verifies all programs
		for b.Loop() {
			b.StopTimer()
			_, err := r.Teardown(b.Context())
			must(b, err)
			f.set = f.programs(b, nil)
			fresh := f.reconciler(b)
			b.StartTimer()
			must(b, fresh.Set(b.Context(), cfg))
		}
		atMost(b, applyBound)
	})
}

// coreBound is the share of a core, in percent, that the agent may take.
const coreBound = 1.0

// BenchmarkOwnRetunes is what the agent takes of a core while nothing happens, and while it changes a rate of an uplink 20 times a second
// by itself, as autorate does: its own changes are no events, and need no look at the kernel.
func BenchmarkOwnRetunes(b *testing.B) {
	const length, perSecond = 10 * time.Second, 20
	box := newBox(b)
	cfg := box.config()
	box.start(cfg)
	reconciles := func() (n uint64) {
		for _, count := range box.shaper.Reconciler().Reconciles() {
			n += count
		}
		return n
	}
	for b.Loop() {
		time.Sleep(2 * time.Second) // the start's work
		every := func(do func(i int)) float64 {
			return shareOfCore(func() {
				tick := time.NewTicker(time.Second / perSecond)
				defer tick.Stop()
				for i := range int(length/time.Second) * perSecond {
					<-tick.C
					do(i)
				}
			})
		}
		waking := every(func(int) {})
		idle := shareOfCore(func() { time.Sleep(length) })
		before := reconciles()
		retuning := every(func(i int) {
			cfg.Uplinks = []Uplink{cfg.Uplinks[0]}
			if rate := slice.Rate(40+i%20) * slice.Mbit; i%2 == 0 {
				cfg.Uplinks[0].Download = rate
			} else {
				cfg.Uplinks[0].Upload = rate
			}
			must(b, box.shaper.Set(b.Context(), cfg))
		})
		b.ReportMetric(idle, "%-of-a-core-idle")
		b.ReportMetric(waking, "%-of-a-core-waking")
		b.ReportMetric(retuning, "%-of-a-core-retuning")
		if idle > coreBound || retuning > coreBound {
			b.Errorf("%.2f %% of a core idle, %.2f %% at %d retunes a second, of which waking up as often takes %.2f %%; want at most %.0f %%",
				idle, retuning, perSecond, waking, coreBound)
		}
		if n := reconciles() - before; n > uint64(length/time.Second)*perSecond+1 {
			b.Errorf("%d reconciles for %d retunes: it hears itself", n, int(length/time.Second)*perSecond)
		}
	}
}

// shareOfCore is the processor time of this process while fn runs, in percent of one core.
func shareOfCore(fn func()) float64 {
	used := func() time.Duration {
		var u unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // of this process: it can't fail
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began, before := time.Now(), used()
	fn()
	return float64(used()-before) / float64(time.Since(began)) * 100
}
