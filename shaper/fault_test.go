package shaper

import (
	"errors"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// A plan that changes, replaces and deletes may fail at every step too: what was done is told, traffic flows, and the next reconcile
// ends where the plan would have.
func TestEveryStepOfAChangeMayFail(t *testing.T) {
	f := newField(t)
	before, after := fieldConfig(t), fieldConfig(t)
	after.Slices = append([]Slice(nil), before.Slices[:3]...) // media has its priority for itself
	after.Slices[0].Max = share(t, "30%")
	after.Uplinks = []Uplink{after.Uplinks[0]}
	after.Uplinks[0].Download, after.Uplinks[0].Upload = 0, 30*slice.Mbit // the ifb and its redirect go
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), before))
	f.settings(t, before)
	p, err := r.Plan(t.Context(), after)
	must(t, err)
	ops := make(map[Op]bool)
	for i, failing := range p.Steps {
		ops[failing.Op] = true
		must(t, r.Set(t.Context(), before))
		r.kernel.fault = func(s Step) error {
			if s.String() == failing.String() {
				return errInjected
			}
			return nil
		}
		did, err := r.Apply(t.Context(), after)
		if !errors.Is(err, errInjected) || hasStep(did.Done, failing) {
			t.Fatalf("step %d, %s: %v, done %v", i, failing, err, did.Done)
		}
		for _, s := range p.Steps {
			if !hasStep(did.Done, s) && !hasStep(did.Skipped, s) && s.String() != failing.String() {
				t.Errorf("step %d, %s: nobody tells of %s", i, failing, s)
			}
		}
		if !f.echoes(t, 100, 10*time.Second) {
			t.Errorf("step %d, %s: no traffic after it failed", i, failing)
		}
		r.kernel.fault = nil
		must(t, r.Set(t.Context(), after))
		planIsEmpty(t, r, after)
	}
	if !ops[Add] && !ops[Replace] || !ops[Change] || !ops[Delete] {
		t.Errorf("the plan has too little in it:\n%s", p)
	}
}
