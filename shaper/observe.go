package shaper

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Observe reads what is there: interfaces, the qdiscs and classes of our trees and whatever stands in their places, and the filters
// at the hooks.
func (k *Kernel) Observe(ctx context.Context) (State, error) {
	s := newState()
	byIndex, err := k.observeLinks(s)
	if err != nil {
		return State{}, err
	}
	qdiscs, err := k.conn.Qdiscs()
	if err != nil {
		return State{}, err
	}
	o := &observer{
		State: s, Kernel: k, names: byIndex, trees: make(map[int]bool), classed: make(map[int][]tcnl.Handle),
		attached: make(map[attachedProgram]bool),
	}
	for _, q := range qdiscs {
		if q.Parent == tcnl.Root && q.Handle == rootHandle {
			o.trees[q.Ifindex] = true
		}
	}
	for _, q := range qdiscs {
		o.qdisc(q)
	}
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	for ifindex := range o.trees {
		if err := o.classes(ifindex); err != nil {
			return State{}, err
		}
	}
	for _, q := range qdiscs {
		for _, place := range o.filtered(q) {
			if err := o.filters(q.Ifindex, place); err != nil {
				return State{}, err
			}
		}
	}
	k.current = o.attached
	return o.State, nil
}

// filtered are the places of a qdisc where filters may be that matter: a clsact's hooks, and what of our trees would heed them.
func (o *observer) filtered(q tcnl.Qdisc) []tcnl.Handle {
	if q.Options == (tcnl.Clsact{}) {
		return []tcnl.Handle{tcnl.HookIngress, tcnl.HookEgress}
	}
	if !o.trees[q.Ifindex] {
		return nil
	}
	switch q.Options.(type) {
	case tcnl.Cake, tcnl.FQCoDel:
		return []tcnl.Handle{q.Handle}
	case tcnl.HTB:
		return append(o.classed[q.Ifindex], q.Handle)
	}
	return nil
}

// ifbGroup marks an ifb of ours from its first moment: the kernel takes no alias when it makes a link. Either mark will do, for the
// alias under whatever name, so that one that somebody renames or relabels is not left behind.
const ifbGroup = 0x5c1e

// observeLinks lists the interfaces, and gives their names by index.
func (k *Kernel) observeLinks(s State) (map[int]string, error) {
	links, err := k.links.LinkList()
	for try := 1; errors.Is(err, netlink.ErrDumpInterrupted) && try < 5; try++ {
		links, err = k.links.LinkList()
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		a := l.Attrs()
		names[a.Index] = a.Name
		link := Interface{
			Index:    a.Index,
			MTU:      a.MTU,
			Up:       a.Flags&net.FlagUp != 0,
			Ethernet: a.EncapType == "ether" || a.EncapType == "loopback",
			Ours:     l.Type() == "ifb" && (a.Alias == ifbAlias || a.Group == ifbGroup && isIfbName(a.Name)),
		}
		s.Interfaces[a.Name] = link
		if link.Ours {
			s.add(Link{Dev: a.Name, MTU: a.MTU, Up: link.Up, Splits: a.GSOMaxSegs == 1, Marked: a.Alias == ifbAlias})
		}
	}
	return names, nil
}

type observer struct {
	State
	*Kernel
	names map[int]string
	trees map[int]bool // interfaces whose root is ours

	classed  map[int][]tcnl.Handle    // the classes of those trees
	attached map[attachedProgram]bool // see Kernel.current
}

// qdisc keeps what is ours or in our places: roots, clsacts, and what is below a root of ours. Handle 0 is the kernel's default.
func (o *observer) qdisc(q tcnl.Qdisc) {
	dev := o.names[q.Ifindex]
	if dev == "" || q.Handle == 0 {
		return
	}
	top := q.Parent == tcnl.Root || q.Parent == tcnl.Ingress
	if !top && !o.trees[q.Ifindex] {
		return
	}
	if t, ok := q.Options.(tcnl.TBF); ok {
		if written := o.bursts[burstKey{q.Ifindex, q.Handle}]; t.RoundsTo(written) {
			t.Burst = written
		}
		q.Options = t
	}
	foreign := q.Parent == tcnl.Root && q.Handle != rootHandle || q.Parent == tcnl.Ingress && q.Options != (tcnl.Clsact{})
	o.add(Qdisc{Dev: dev, Handle: q.Handle, Parent: q.Parent, Options: q.Options, Foreign: foreign, raw: q.Data})
}

func (o *observer) classes(ifindex int) error {
	dev := o.names[ifindex]
	if dev == "" {
		return nil
	}
	classes, err := o.conn.Classes(ifindex)
	if err != nil {
		return err
	}
	for _, c := range classes {
		if c.Handle.Qdisc() == rootHandle {
			o.add(Class{Dev: dev, Handle: c.Handle, Parent: c.Parent, HTB: c.HTB})
			o.classed[ifindex] = append(o.classed[ifindex], c.Handle)
		}
	}
	return nil
}

// filters finds what is in our slot of a hook, and who else is there; at a leaf, all that is there.
func (o *observer) filters(ifindex int, hook tcnl.Handle) error {
	dev := o.names[ifindex]
	if dev == "" {
		return nil
	}
	filters, err := o.conn.Filters(ifindex, hook)
	if err != nil {
		return err
	}
	atLeaf := hook != tcnl.HookIngress && hook != tcnl.HookEgress
	inSlot := func(f tcnl.Filter) bool {
		return atLeaf || f.Pref == slotPref && (f.Handle == slotHandle || f.Kind != "bpf" || f.Protocol != tcnl.ProtocolAll)
	}
	for _, f := range filters {
		if f.Runs() && inSlot(f) {
			if err := o.slot(dev, f); err != nil {
				return err
			}
		}
	}
	o.Strangers = append(o.Strangers, tcnl.Strangers(dev, filters, inSlot)...)
	return nil
}

// slot is a filter in our place: ours, or one that keeps ours out.
func (o *observer) slot(dev string, f tcnl.Filter) error {
	kind := f.Kind
	if f.Protocol != tcnl.ProtocolAll {
		kind = fmt.Sprintf("%s/%#04x", kind, f.Protocol)
	}
	filter := Filter{
		Dev: dev, Hook: f.Parent, Kind: kind, Program: f.BPF.Name, DirectAction: f.BPF.DirectAction, observed: f,
	}
	switch a := f.BPF.Action; {
	case a.Kind == "":
	case a.Kind != "mirred" || a.More:
		filter.Stray = "other actions"
	case o.names[a.Redirect] == "":
		filter.Stray = "dead redirect"
	default:
		filter.Redirect = o.names[a.Redirect]
	}
	if bpf.Ours(f.BPF.Name) {
		ok, err := o.isWhatItSays(attachedProgram{ebpf.ProgramID(f.BPF.ProgramID), f.BPF.Name})
		if err != nil {
			return err
		}
		if !ok {
			filter.Stray = "another program or other maps"
		}
	}
	o.add(filter)
	return nil
}
