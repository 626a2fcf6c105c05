package shaper

import (
	"slices"
	"testing"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
)

// Each kind of leaf stands as it was wanted, so that a second look finds nothing to do; it is healed, keeps its packets when rates change,
// carries traffic both ways, and goes with the rest.
func TestEveryLeaf(t *testing.T) {
	for name, test := range map[string]struct {
		leaf Leaf
		kind string   // of the qdisc
		need []string // features
	}{
		"fifo":     {LeafFIFO, "tbf", nil},
		"fq_codel": {LeafFQCoDel, "fq_codel", []string{"fq_codel"}},
		"cake":     {LeafCake, "cake", []string{"cake"}},
	} {
		t.Run(name, func(t *testing.T) {
			nettest.Require(t, test.need...)
			f := newField(t)
			cfg := fieldConfig(t)
			cfg.Uplinks[0].Leaf = test.leaf
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			f.settings(t, cfg)
			run(t, r)
			planIsEmpty(t, r, cfg)
			f.hasLeaves(t, test.kind)

			f.tc(t, "qdisc", "delete", "dev", "wan0", "parent", "5c1e:13")
			await(t, "it is healed", func() bool { return left(t, r, cfg).Empty() })
			f.hasLeaves(t, test.kind)

			s := f.stream(t)
			await(t, "echoes", func() bool { return s.Count() > 50 })
			for i := range 20 {
				cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload = slice.Rate(20+i)*slice.Mbit, slice.Rate(60-2*i)*slice.Mbit
				must(t, r.Set(t.Context(), cfg))
			}
			if sent, lost, ordered := s.End(); lost != 0 || !ordered {
				t.Errorf("of %d datagrams %d were lost, in order %v", sent, lost, ordered)
			}
			planIsEmpty(t, r, cfg)

			_, err := r.Teardown(t.Context())
			must(t, err)
			if kinds := f.kindsOn(t, "wan0"); len(kinds) > 0 {
				t.Errorf("there after the teardown: %v", kinds)
			}
		})
	}
}

// hasLeaves wants a leaf of a kind in each of the four slices, both ways; a bucket may be around it.
func (f *field) hasLeaves(t *testing.T, kind string) {
	t.Helper()
	for _, dev := range []string{"wan0", "ifb-fibre"} {
		kinds := f.kindsOn(t, dev)
		others := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == kind })
		if len(kinds)-len(others) < 4 {
			t.Errorf("%s: %v, want four of %s", dev, kinds, kind)
		}
	}
}

// kindsOn are the kinds of the qdiscs of ours on a device.
func (f *field) kindsOn(t *testing.T, dev string) (kinds []string) {
	t.Helper()
	for _, q := range f.qdiscs(t, dev) {
		if uint32(q.Handle)>>24 == uint32(rootHandle)>>24 { // as all handles of ours begin
			kinds = append(kinds, q.Kind())
		}
	}
	return kinds
}
