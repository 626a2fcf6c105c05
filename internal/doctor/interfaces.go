package doctor

import (
	"fmt"

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
			for _, s := range tcnl.Strangers(device.Attrs().Name, filters, b.ours) {
				list = append(list, strange(s))
			}
		}
	}
	return list, nil
}

func (b *box) ours(f tcnl.Filter) bool { return f.Kind == "bpf" && b.cfg.OurFilter(f.BPF.Name) }

func strange(s tcnl.Stranger) finding {
	what, do := s.Report(ourPref)
	return finding{what, do}
}

func lookTCX(b *box) ([]finding, error) {
	var list []finding
	for _, device := range b.present() {
		there, err := tcnl.TCXStrangers(device.Attrs().Name, device.Attrs().Index)
		if err != nil {
			return list, err
		}
		for _, s := range there {
			list = append(list, strange(s))
		}
	}
	return list, nil
}
