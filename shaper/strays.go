package shaper

import (
	"cmp"
	"slices"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// ours reports whether an observed object that nothing wants is to be removed.
func (d differ) ours(o Object) bool {
	id := o.ID()
	if d.have.Interfaces[id.Dev].Ours {
		return true
	}
	switch o := o.(type) {
	case Qdisc:
		if o.Parent == tcnl.Ingress {
			return d.clsactIsOurs(id.Dev)
		}
		return !o.Foreign
	case Filter:
		return o.atLeaf() || bpf.Ours(o.Program)
	}
	return true
}

// clsactIsOurs reports whether a clsact held a filter of ours, and holds none of others.
func (d differ) clsactIsOurs(dev string) bool {
	if slices.ContainsFunc(d.have.Strangers, func(s tcnl.Stranger) bool { return s.Dev == dev }) {
		return false
	}
	ours := false
	for _, hook := range []tcnl.Handle{tcnl.HookIngress, tcnl.HookEgress} {
		if f, ok := d.find(ID{Kind: FilterObject, Dev: dev, Place: hook}).(Filter); ok {
			if !bpf.Ours(f.Program) {
				return false
			}
			ours = true
		}
	}
	return ours
}

// obstacles are strays below a slice's class, for while they are there, the class has no queue of its own; and queues with a handle
// that is another's.
func (d differ) obstacles(dev string) []Step {
	return d.deletions(func(o Object) bool { return o.ID().Dev == dev && d.isObstacle(o) })
}

// leftovers are the other strays.
func (d differ) leftovers() []Step {
	return d.deletions(func(o Object) bool { return !d.isObstacle(o) })
}

func (d differ) isObstacle(o Object) bool {
	if d.misplaced[o.ID()] {
		return true
	}
	c, ok := o.(Class)
	return ok && !isInner(c.Parent) && c.Parent != tcnl.Root
}

func (d differ) deletions(match func(Object) bool) []Step {
	var list []Object
	for id, o := range d.have.Objects {
		unwanted := d.want.Objects[id] == nil || d.misplaced[id]
		if unwanted && match(o) && d.ours(o) && !d.goesAlong(o) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, d.compareForDeletion)
	steps := make([]Step, 0, len(list))
	for _, o := range list {
		steps = append(steps, Step{Op: Delete, Group: d.groupOf(o.ID().Dev), Have: o})
	}
	return steps
}

// compareForDeletion is the way back from compareIDs, but for classes: those below others go first, whatever their handles, since
// the kernel does not take a class's children along.
func (d differ) compareForDeletion(a, b Object) int {
	if a.ID().Kind == ClassObject && b.ID().Kind == ClassObject {
		return cmp.Or(cmp.Compare(d.depth(b), d.depth(a)), compareIDs(b.ID(), a.ID()))
	}
	return compareIDs(b.ID(), a.ID())
}

// depth is how many observed classes are above o.
func (d differ) depth(o Object) int {
	n := 0
	for c, ok := o.(Class); ok && n < len(d.have.Objects); n++ {
		c, ok = d.find(ID{Kind: ClassObject, Dev: c.Dev, Place: c.Parent}).(Class)
	}
	return n
}

// goesAlong reports whether o needs no step of its own, since one for what holds it does. Filters at hooks have one nevertheless: the
// redirect must be gone before the ifb is.
func (d differ) goesAlong(o Object) bool {
	if f, ok := o.(Filter); ok && !f.atLeaf() {
		return d.have.Interfaces[o.ID().Dev].Ours && d.gone(o)
	}
	return d.gone(o)
}

// groupOf is the group of a device; an ifb that no uplink has goes with the interface that still redirects to it.
func (d differ) groupOf(dev string) string {
	for _, o := range d.have.Objects {
		if f, ok := o.(Filter); ok && f.Redirect == dev {
			return d.want.group(f.Dev)
		}
	}
	return d.want.group(dev)
}
