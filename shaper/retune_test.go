package shaper

import (
	"context"
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
)

// Changes of rates that need no look at the kernel lead where others lead, also while somebody else is at it.
func TestRetuneWithoutALook(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	run(t, r)
	await(t, "it follows", func() bool {
		r.working.Lock()
		defer r.working.Unlock()
		return r.follows
	})
	must(t, r.Set(t.Context(), cfg))
	retune := func(i int) {
		cfg.Uplinks = []Uplink{cfg.Uplinks[0]}
		cfg.Uplinks[0].Download = slice.Rate(20+i) * slice.Mbit
		must(t, r.Set(t.Context(), cfg))
	}
	for i := range 20 {
		retune(i)
		planIsEmpty(t, r, cfg)
	}
	for i := range 10 {
		f.tc(t, "class", "del", "dev", "ifb-fibre", "classid", sliceClass(slice.ID(1+i%4)).String())
		retune(30 + i) // before the agent hears of it, or after
		await(t, "healed", func() bool {
			p, err := r.Plan(context.Background(), cfg)
			return err == nil && p.Empty()
		})
	}
}
