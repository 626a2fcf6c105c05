package doctor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// interfaceChecks ask whether the configured interfaces are there, and who else is on them.
var interfaceChecks = []check{
	{name: "interfaces", well: "all interfaces are there and have a carrier", asks: configured, looks: lookInterfaces},
	{name: "root-qdisc", well: "no uplink has a root qdisc of somebody else", asks: configured, looks: lookRoots},
	{name: "filters", well: "no foreign filter is at our hooks", asks: configured, looks: lookFilters},
	{name: "tcx", well: "no foreign tcx program is at our hooks", root: true, asks: configured, looks: lookTCX},
}

func lookInterfaces(b *box) ([]finding, error) {
	var list []finding
	for _, u := range b.cfg.Uplinks {
		list = append(list, b.lookInterface(u.Interface, "uplink "+u.Name+" is not shaped")...)
	}
	for _, name := range b.cfg.Venues {
		list = append(list, b.lookInterface(name, "what its devices send is not told apart")...)
	}
	return list, nil
}

func (b *box) lookInterface(name, lost string) []finding {
	device := b.devices[name]
	if device == nil {
		return found("plug it in, or correct the name in the configuration (ip -br link lists what there is)",
			"interface %s is not there: %s until it appears", name, lost)
	}
	switch flags := device.Attrs().RawFlags; {
	case flags&unix.IFF_UP == 0:
		return found("ip link set "+name+" up", "interface %s is down: nothing goes through it", name)
	case flags&unix.IFF_LOWER_UP == 0:
		return found("check the cable, and what it leads to", "interface %s has no carrier: nothing goes through it", name)
	}
	return nil
}

// lookRoots finds what keeps our trees out. Handle 0 is the kernel's default, which is ours to take.
func lookRoots(b *box) ([]finding, error) {
	qdiscs, err := b.tc.Qdiscs()
	if err != nil {
		return nil, err
	}
	var list []finding
	for _, u := range b.cfg.Uplinks {
		device := b.devices[u.Interface]
		for _, q := range qdiscs {
			if device == nil || u.Adopt || q.Ifindex != device.Attrs().Index || q.Parent != tcnl.Root {
				continue
			}
			if q.Handle != 0 && q.Handle != tcnl.Handle(b.cfg.Root) {
				list = append(list, finding{
					what: fmt.Sprintf("%s: foreign root qdisc %s %s, so uplink %s is left as it is, and not shaped", u.Interface, q.Kind(), q.Handle, u.Name),
					do:   fmt.Sprintf("write adopt = true in the [[uplink]], or: tc qdisc del dev %s root", u.Interface),
				})
			}
		}
	}
	for _, device := range b.present() {
		for _, q := range qdiscs {
			if q.Ifindex == device.Attrs().Index && q.Parent == tcnl.Ingress && q.Options != (tcnl.Clsact{}) {
				list = append(list, finding{
					what: fmt.Sprintf("%s: foreign %s qdisc: it takes the place of our filters, and nothing is classified there", device.Attrs().Name, q.Kind()),
					do:   "tc qdisc del dev " + device.Attrs().Name + " ingress",
				})
			}
		}
	}
	return list, nil
}

// ourPref is the preference of our filters: none runs before.
const ourPref = 1

func lookFilters(b *box) ([]finding, error) {
	var list []finding
	for _, device := range b.present() {
		for _, hook := range []tcnl.Handle{tcnl.HookIngress, tcnl.HookEgress} {
			filters, err := b.tc.Filters(device.Attrs().Index, hook)
			if err != nil {
				return list, err
			}
			for _, f := range b.foreign(filters) {
				list = append(list, strange(device.Attrs().Name, f))
			}
		}
	}
	return list, nil
}

// foreign gives those of others, each once: some kinds begin with an entry that stands for the classifier. Chains other than 0 are
// not reached by themselves.
func (b *box) foreign(filters []tcnl.Filter) []tcnl.Filter {
	var list []tcnl.Filter
	for _, f := range filters {
		if f.Chain != 0 || f.Kind == "bpf" && (f.Handle == 0 || b.cfg.OurFilter(f.BPF.Name)) {
			continue
		}
		same := func(g tcnl.Filter) bool { return g.Pref == f.Pref && g.Kind == f.Kind && g.BPF.Name == f.BPF.Name }
		if !slices.ContainsFunc(list, same) {
			list = append(list, f)
		}
	}
	return list
}

func strange(ifname string, f tcnl.Filter) finding {
	what := fmt.Sprintf("%s: foreign %s filter at preference %d of %s", ifname, f.Kind, f.Pref, f.Parent)
	if f.Kind == "bpf" {
		what = fmt.Sprintf("%s: foreign bpf filter %s at preference %d of %s", ifname, f.BPF.Name, f.Pref, f.Parent)
	}
	remove := fmt.Sprintf("tc filter del dev %s %s pref %d", ifname, f.Parent, f.Pref)
	if f.Pref <= ourPref {
		return finding{what + ": it runs before ours, and may keep packets from being classified",
			"have its owner give it a preference above 1, or: " + remove}
	}
	return finding{what + ": it runs after ours, and may overwrite the slice of a packet (tc_index)",
		`have it answer "unspec" or "continue", or: ` + remove}
}

func lookTCX(b *box) ([]finding, error) {
	var list []finding
	for _, device := range b.present() {
		for hook, name := range map[ebpf.AttachType]string{ebpf.AttachTCXIngress: "ingress", ebpf.AttachTCXEgress: "egress"} {
			attached, err := link.QueryPrograms(link.QueryOptions{Target: device.Attrs().Index, Attach: hook})
			if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.EINVAL) {
				return nil, nil // before 6.6 there is no tcx
			}
			if err != nil {
				return list, fmt.Errorf("list tcx programs of %s: %w", device.Attrs().Name, err)
			}
			for _, p := range attached.Programs {
				list = append(list, finding{
					what: fmt.Sprintf("%s: foreign tcx program %d at %s: it runs before ours, and may keep packets from being classified",
						device.Attrs().Name, p.ID, name),
					do: fmt.Sprintf(`have it answer "next", or stop the program that attached it (bpftool prog show id %d says which it is)`, p.ID),
				})
			}
		}
	}
	slices.SortFunc(list, byWhat)
	return list, nil
}
