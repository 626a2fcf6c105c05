package shaper

import (
	"slices"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// Diff plans the way from what was observed to what is desired: group by group what is made or changed, parents first, the redirect
// last; then what is left over, the redirect first, parents last. It touches what differs and nothing else.
func Diff(observed, desired State) Plan {
	return Plan{Steps: differences(observed, desired), Fingerprint: observed.Fingerprint()}
}

func differences(observed, desired State) []Step {
	d := differ{have: observed, want: desired, replaced: make(map[ID]bool), misplaced: make(map[ID]bool)}
	d.findReplaced()
	d.findMisplaced()
	var steps []Step
	wanted := desired.sorted()
	for _, g := range desired.Groups {
		for _, dev := range g.Devices {
			steps = append(steps, d.device(g.Name, dev, wanted)...)
		}
	}
	return append(steps, d.leftovers()...)
}

type differ struct {
	have, want State
	replaced   map[ID]bool // deleted and added, so what they hold is gone
	misplaced  map[ID]bool // qdiscs that have a handle which is wanted elsewhere: deleted first
}

// findReplaced marks what can't be changed in place.
func (d differ) findReplaced() {
	for id, want := range d.want.Objects {
		have := d.have.Objects[id]
		if have == nil {
			continue
		}
		if !alike(want, have) && !fixedAlike(want.params(), have.params()) {
			d.markReplaced(have)
		}
	}
	for _, o := range d.have.Objects {
		q, ok := o.(Qdisc)
		if !ok || d.want.Objects[o.ID()] != nil || q.Parent == tcnl.Root || q.Parent == tcnl.Ingress {
			continue
		}
		// A tbf whose inner qdisc is deleted keeps none, and drops every packet: make the tbf anew.
		for _, outer := range d.have.Objects {
			if outer, ok := outer.(Qdisc); ok && outer.Dev == q.Dev && outer.Handle == q.Parent.Qdisc() && outer.Handle != rootHandle {
				d.markReplaced(outer)
			}
		}
	}
}

// findMisplaced marks the queues that keep a handle from where it belongs: the kernel moves no qdisc from one parent to another.
func (d differ) findMisplaced() {
	type owner struct {
		dev    string
		handle tcnl.Handle
	}
	places := make(map[owner]ID)
	for id, o := range d.want.Objects {
		if q, ok := o.(Qdisc); ok {
			places[owner{q.Dev, q.Handle}] = id
		}
	}
	for id, o := range d.have.Objects {
		if q, ok := o.(Qdisc); ok && q.Parent != tcnl.Root && q.Parent != tcnl.Ingress {
			place, wanted := places[owner{q.Dev, q.Handle}]
			d.misplaced[id] = wanted && place != id
		}
	}
}

// markReplaced marks o; or its whole tree, where the kernel would not delete it for the classes below it.
func (d differ) markReplaced(o Object) {
	if c, ok := o.(Class); ok {
		for _, below := range d.have.Objects {
			if b, ok := below.(Class); ok && b.Dev == c.Dev && b.Parent == c.Handle {
				d.replaced[ID{Kind: QdiscObject, Dev: c.Dev, Place: tcnl.Root}] = true
				return
			}
		}
	}
	if d.want.Objects[o.ID()] != nil {
		d.replaced[o.ID()] = true
	}
}

// alike reports whether two objects in one place have the same parameters.
func alike(want, have Object) bool {
	return same(want, have) || slices.Equal(want.params(), have.params())
}

// same reports whether want and have need no comparison of their parameters as text, which takes long: most objects of most plans.
func same(want, have Object) bool {
	switch want := want.(type) {
	case Link:
		return have == want
	case Filter:
		have, ok := have.(Filter)
		have.Variant, have.observed = want.Variant, want.observed
		return ok && have == want
	case Qdisc:
		have, ok := have.(Qdisc)
		have.raw = want.raw
		return ok && have == want
	case Class:
		have, ok := have.(Class)
		have.HTB.Level = want.HTB.Level
		return ok && have == want
	}
	return false
}

func fixedAlike(a, b []param) bool {
	isFree := func(p param) bool { return !p.fixed }
	return slices.Equal(slices.DeleteFunc(slices.Clone(a), isFree), slices.DeleteFunc(slices.Clone(b), isFree))
}

// device is what the objects on one device take. What stands in the way of a queue goes first; but a link comes before all, since
// downloads may be waiting for it.
func (d differ) device(group, dev string, wanted []Object) []Step {
	var steps []Step
	cleared := false
	for _, o := range wanted {
		if o.ID().Dev != dev {
			continue
		}
		if o.ID().Kind != LinkObject && !cleared {
			steps = append(steps, d.obstacles(dev)...)
			cleared = true
		}
		if s, ok := d.step(o); ok {
			s.Group = group
			steps = append(steps, s)
		}
	}
	return steps
}

// step is what want takes.
func (d differ) step(want Object) (Step, bool) {
	id := want.ID()
	have := d.have.Objects[id]
	switch {
	case have == nil || d.misplaced[id] || d.gone(have):
		return Step{Op: Add, Want: want}, true
	case d.replaced[id]:
		return Step{Op: Replace, Want: want, Have: have}, true
	case !alike(want, have):
		return Step{Op: Change, Want: want, Have: have}, true
	}
	return Step{}, false
}

// gone reports whether an observed object goes with one above it that is replaced or deleted.
func (d differ) gone(have Object) bool {
	for o := d.holder(have); o != nil; o = d.holder(o) {
		if d.replaced[o.ID()] || d.misplaced[o.ID()] || d.want.Objects[o.ID()] == nil && d.ours(o) {
			return true
		}
	}
	return false
}

// holder is the observed object whose removal takes o along; nil if there is none.
func (d differ) holder(o Object) Object {
	id := o.ID()
	switch o := o.(type) {
	case Qdisc:
		if o.Parent == tcnl.Root || o.Parent == tcnl.Ingress {
			return d.find(ID{Kind: LinkObject, Dev: id.Dev})
		}
		if c := d.find(ID{Kind: ClassObject, Dev: id.Dev, Place: o.Parent}); c != nil {
			return c
		}
		return d.qdisc(o.Dev, o.Parent.Qdisc())
	case Class:
		return d.find(ID{Kind: QdiscObject, Dev: id.Dev, Place: tcnl.Root})
	case Filter:
		if o.atLeaf() {
			return d.qdisc(o.Dev, o.Hook)
		}
		return d.find(ID{Kind: QdiscObject, Dev: id.Dev, Place: tcnl.Ingress})
	}
	return nil
}

// qdisc gives the observed qdisc of a handle; nil if there is none.
func (d differ) qdisc(dev string, handle tcnl.Handle) Object {
	for _, o := range d.have.Objects {
		if q, ok := o.(Qdisc); ok && q.Dev == dev && q.Handle == handle {
			return q
		}
	}
	return nil
}

// find gives the observed object in a place, as an interface that is nil when there is none.
func (d differ) find(id ID) Object { return d.have.Objects[id] }
