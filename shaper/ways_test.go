package shaper

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// way is one way of mangling the box.
type way struct {
	name string
	do   func(m *mangling)
}

// mangling is a mangler at work.
type mangling struct {
	*mangler
	t testing.TB
}

// tc runs a command of tc's in the box; it must succeed, or nothing was mangled.
func (m *mangling) tc(format string, args ...any) {
	m.t.Helper()
	m.field.tc(m.t, strings.Fields(fmt.Sprintf(format, args...))...)
}

func (m *mangling) pick(list ...string) string { return list[m.rnd.IntN(len(list))] }

// tree is a device with a tree of ours, hooked one with programs of ours.
func (m *mangling) tree() string { return m.pick("wan0", "ifb-fibre") }

func (m *mangling) hooked() string { return m.pick("wan0", "lan0", "ifb-fibre") }

func (m *mangling) slice() slice.ID { return slice.ID(1 + m.rnd.IntN(4)) }

// deleteClass deletes a slice's class.
func (m *mangling) deleteClass(dev string, id slice.ID) {
	m.tc("class del dev %s classid %s", dev, sliceClass(id))
}

// changeClass sets one parameter of a slice's class, and sends the others as they are: HTB's change takes all.
func (m *mangling) changeClass(change func(*tcnl.HTBClass)) {
	m.t.Helper()
	ifindex, class := m.link(m.t, m.tree()).Attrs().Index, sliceClass(m.slice())
	classes, err := m.conn.Classes(ifindex)
	m.must(err)
	for _, c := range classes {
		if c.Handle == class {
			change(&c.HTB)
			m.must(m.conn.ChangeClass(c))
			return
		}
	}
	m.t.Fatalf("no class %s", class)
}

// filter changes what is in our slot of a hook: a request of ours, in part another.
func (m *mangling) filter(dev string, hook tcnl.Handle, change func(*tcnl.Filter)) {
	m.t.Helper()
	f := tcnl.Filter{
		Ifindex: m.link(m.t, dev).Attrs().Index, Parent: hook, Pref: slotPref, Protocol: tcnl.ProtocolAll, Handle: slotHandle, Kind: "bpf",
	}
	f.BPF.Name, f.BPF.FD = m.ours(dev, hook)
	f.BPF.DirectAction = true
	if dev == "wan0" && hook == tcnl.HookIngress {
		f.BPF.DirectAction, f.BPF.Action = false, tcnl.RedirectTo(m.link(m.t, "ifb-fibre").Attrs().Index)
	}
	change(&f)
	must(m.t, m.conn.SetFilter(f))
}

// ours gives the name and the program of a hook.
func (m *mangling) ours(dev string, hook tcnl.Handle) (name string, fd int) {
	m.t.Helper()
	desired, err := Desired(m.cfg, m.env())
	must(m.t, err)
	f := desired.Objects[ID{Kind: FilterObject, Dev: dev, Place: hook}].(Filter)
	fd, err = m.set.ProgramFD(f.Variant)
	must(m.t, err)
	return f.Program, fd
}

func (m *mangling) env() Env {
	m.t.Helper()
	observed, err := m.rec.kernel.Observe(m.t.Context())
	must(m.t, err)
	return m.rec.kernel.env(observed)
}

// hook is a place of a program of ours.
func (m *mangling) hook() (dev string, hook tcnl.Handle) {
	places := []ID{{Dev: "wan0", Place: tcnl.HookIngress}, {Dev: "wan0", Place: tcnl.HookEgress}, {Dev: "lan0", Place: tcnl.HookIngress}, {Dev: "lan0", Place: tcnl.HookEgress}, {Dev: "ifb-fibre", Place: tcnl.HookEgress}}
	p := places[m.rnd.IntN(len(places))]
	return p.Dev, p.Place
}

func (m *mangling) ifb() netlink.Link {
	m.t.Helper()
	return m.link(m.t, "ifb-fibre")
}

func (m *mangling) must(err error) {
	m.t.Helper()
	must(m.t, err)
}

func (m *mangling) deleteSlot(dev string, hook tcnl.Handle) {
	m.tc("filter del dev %s %s pref 1", dev, hook)
}

var ways = slices.Concat(waysWithTrees, waysWithQueues, waysWithPrograms, waysWithIfbs)

var waysWithTrees = []way{
	{"root deleted", func(m *mangling) { m.tc("qdisc del dev %s root", m.tree()) }},
	{"root replaced by a fifo", func(m *mangling) {
		m.tc("qdisc replace dev %s root handle 9: pfifo limit %d", m.tree(), 1+m.rnd.IntN(2000))
	}},
	{"root replaced by a shaper", func(m *mangling) {
		m.tc("qdisc replace dev %s root handle 9: tbf rate 1mbit burst 3000 limit 9000", m.tree())
	}},
	{"root replaced by a tree", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc replace dev %s root handle 1: htb default 1", dev)
		m.tc("class add dev %s parent 1: classid 1:1 htb rate 1mbit", dev)
	}},
	{"root replaced by no queue", func(m *mangling) { m.tc("qdisc replace dev %s root noqueue", m.tree()) }},
	{"root under our handle of another kind", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc del dev %s root", dev)
		m.tc("qdisc add dev %s root handle 5c1e: pfifo", dev)
	}},
	{"root under our handle with another default", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc del dev %s root", dev)
		m.tc("qdisc add dev %s root handle 5c1e: htb default %x", dev, m.rnd.IntN(0x20))
	}},
	{"root under our handle, and a class of theirs", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc del dev %s root", dev)
		m.tc("qdisc add dev %s root handle 5c1e: htb default 13", dev)
		m.tc("class add dev %s parent 5c1e: classid 5c1e:13 htb rate 1mbit", dev)
	}},
	{"class deleted", func(m *mangling) { m.deleteClass(m.tree(), m.slice()) }},
	{"all slices' classes deleted", func(m *mangling) {
		dev := m.tree()
		for id := range slice.ID(4) {
			m.deleteClass(dev, id+1)
		}
	}},
	{"inner class deleted", func(m *mangling) {
		dev := m.tree()
		m.deleteClass(dev, 3)
		m.deleteClass(dev, 4)
		m.tc("class del dev %s classid 5c1e:22", dev)
	}},
	{"slice moved to another class", func(m *mangling) {
		dev := m.tree()
		m.deleteClass(dev, 1)
		m.tc("class add dev %s parent 5c1e:22 classid 5c1e:11 htb rate 1mbit", dev)
	}},
	{"link's rate changed", func(m *mangling) {
		m.tc("class change dev %s parent 5c1e: classid 5c1e:1 htb rate %dkbit", m.tree(), 500+m.rnd.IntN(5000))
	}},
	{"inner class changed", func(m *mangling) {
		m.tc("class change dev %s parent 5c1e:1 classid 5c1e:22 htb rate 8kbit ceil %dkbit", m.tree(), 500+m.rnd.IntN(5000))
	}},
	{"rate changed", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.Rate.BytesPerSecond = 1000 + m.rnd.Uint64N(9999) })
	}},
	{"ceil changed", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.Ceil.BytesPerSecond = 10_000_000 + m.rnd.Uint64N(9_999_999) })
	}},
	{"burst changed", func(m *mangling) { m.changeClass(func(c *tcnl.HTBClass) { c.Burst = 16_000 + m.rnd.Uint32N(99_999) }) }},
	{"ceil's burst changed", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.CeilBurst = 16_000 + m.rnd.Uint32N(99_999) })
	}},
	{"priority changed", func(m *mangling) { m.changeClass(func(c *tcnl.HTBClass) { c.Prio = 3 + m.rnd.Uint32N(5) }) }},
	{"quantum changed", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.Quantum = 60_000 + m.rnd.Uint32N(60_000) })
	}},
	{"overhead added", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.Rate.Overhead = uint16(1 + m.rnd.IntN(200)) })
	}},
	{"smallest frame added", func(m *mangling) { m.changeClass(func(c *tcnl.HTBClass) { c.Ceil.MPU = 1000 }) }},
	{"cells added", func(m *mangling) {
		m.changeClass(func(c *tcnl.HTBClass) { c.Rate.LinkLayer, c.Ceil.LinkLayer = tcnl.ATM, tcnl.ATM })
	}},
	{"stray class in the link's", func(m *mangling) { m.tc("class add dev %s parent 5c1e:1 classid 5c1e:99 htb rate 1mbit", m.tree()) }},
	{"stray class at the root", func(m *mangling) { m.tc("class add dev %s parent 5c1e: classid 5c1e:99 htb rate 1mbit", m.tree()) }},
	{"stray class below a slice", func(m *mangling) {
		m.tc("class add dev %s parent %s classid 5c1e:99 htb rate 1mbit", m.tree(), sliceClass(m.slice()))
	}},
	{"stray tree below a slice", func(m *mangling) {
		dev := m.tree()
		m.tc("class add dev %s parent %s classid 5c1e:9 htb rate 1mbit", dev, sliceClass(m.slice()))
		m.tc("class add dev %s parent 5c1e:9 classid 5c1e:99 htb rate 1mbit", dev)
		m.tc("class add dev %s parent 5c1e:99 classid 5c1e:98 htb rate 1mbit", dev)
		m.tc("qdisc add dev %s parent 5c1e:98 handle 99: pfifo", dev)
	}},
	{"filter at our root", func(m *mangling) {
		m.tc("filter add dev %s parent 5c1e: pref %d protocol ip u32 match u32 0 0 flowid 5c1e:14", m.tree(), 1+m.rnd.IntN(9))
	}},
	{"filter at a class", func(m *mangling) {
		m.tc("filter add dev %s parent %s protocol ip u32 match u32 0 0 flowid 5c1e:14", m.tree(), sliceClass(m.slice()))
	}},
}

var waysWithQueues = []way{
	{"queue deleted", func(m *mangling) { m.tc("qdisc del dev %s parent %s", m.tree(), sliceClass(m.slice())) }},
	{"all queues deleted", func(m *mangling) {
		dev := m.tree()
		for id := range slice.ID(4) {
			m.tc("qdisc del dev %s parent %s", dev, sliceClass(id+1))
		}
	}},
	{"queue replaced", func(m *mangling) {
		m.tc("qdisc replace dev %s parent %s handle 77: pfifo limit 1", m.tree(), sliceClass(m.slice()))
	}},
	{"queue replaced by a tree", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc replace dev %s parent %s handle 77: htb default 1", dev, sliceClass(m.slice()))
		m.tc("class add dev %s parent 77: classid 77:1 htb rate 1mbit", dev)
	}},
	{"queue under our handle of another kind", func(m *mangling) {
		dev, id := m.tree(), m.slice()
		m.tc("qdisc del dev %s parent %s", dev, sliceClass(id))
		m.tc("qdisc add dev %s parent %s handle %s bfifo limit 20000", dev, sliceClass(id), leafHandle(id))
	}},
	{"queues under each other's handles", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc del dev %s parent 5c1e:11", dev)
		m.tc("qdisc del dev %s parent 5c1e:13", dev)
		m.tc("qdisc add dev %s parent 5c1e:11 handle 5c23: tbf rate 1mbit burst 3000 limit 9000", dev)
		m.tc("qdisc add dev %s parent 5c1e:13 handle 5c21: tbf rate 1mbit burst 3000 limit 9000", dev)
	}},
	{"queue's limit changed", func(m *mangling) { m.changeQueue("rate 1tbit burst 1600 limit %d", 3000+m.rnd.IntN(9000)) }},
	{"queue's rate changed", func(m *mangling) { m.changeQueue("rate %dmbit burst 3000 limit 90000", 1+m.rnd.IntN(9)) }},
	// The kernel tells of none of these: it rounds the burst, and the peak rate is nothing that we ask for.
	{"queue's burst too small for a frame", func(m *mangling) { m.changeQueue("rate 1tbit burst %d limit 90000", 50+m.rnd.IntN(1000)) }},
	{"queue's peak rate too small for a frame", func(m *mangling) {
		m.changeQueue("rate 1tbit burst 1600 limit 90000 peakrate 2tbit mtu %d", 50+m.rnd.IntN(1000))
	}},
	{"queue put into a queue", func(m *mangling) {
		m.tc("qdisc replace dev %s parent %s1 handle 78: pfifo limit 1", m.tree(), leafHandle(m.slice()))
	}},
	{"tree put into a queue", func(m *mangling) {
		dev := m.tree()
		m.tc("qdisc replace dev %s parent %s1 handle 78: htb default 1", dev, leafHandle(m.slice()))
		m.tc("class add dev %s parent 78: classid 78:1 htb rate 8kbit", dev)
	}},
}

// changeQueue changes the tbf of a slice.
func (m *mangling) changeQueue(format string, args ...any) {
	id := m.slice()
	m.tc("qdisc change dev %s parent %s handle %s tbf %s", m.tree(), sliceClass(id), leafHandle(id), fmt.Sprintf(format, args...))
}

var waysWithPrograms = []way{
	{"clsact deleted", func(m *mangling) { m.tc("qdisc del dev %s clsact", m.hooked()) }},
	{"clsact replaced by an ingress qdisc", func(m *mangling) {
		dev := m.hooked()
		m.tc("qdisc del dev %s clsact", dev)
		m.tc("qdisc add dev %s ingress", dev)
	}},
	{"clsact with a shared block", func(m *mangling) {
		dev := m.hooked()
		m.tc("qdisc del dev %s clsact", dev)
		m.tc("qdisc add dev %s %s 22 clsact", dev, m.pick("ingress_block", "egress_block"))
	}},
	{"filter deleted", func(m *mangling) { m.deleteSlot(m.hook()) }},
	{"all filters of a device deleted", func(m *mangling) {
		dev := m.pick("wan0", "lan0")
		m.tc("filter del dev %s ingress", dev)
		m.tc("filter del dev %s egress", dev)
	}},
	{"slot taken by another kind", func(m *mangling) {
		dev, hook := m.hook()
		m.deleteSlot(dev, hook)
		m.tc("filter add dev %s %s pref 1 protocol all u32 match u32 0 0", dev, hook)
	}},
	{"slot taken for another protocol", func(m *mangling) {
		dev, hook := m.hook()
		m.deleteSlot(dev, hook)
		m.tc("filter add dev %s %s pref 1 protocol ipv6 u32 match u32 0 0", dev, hook)
	}},
	{"slot taken by another program", func(m *mangling) {
		dev, hook := m.hook()
		m.filter(dev, hook, func(f *tcnl.Filter) { f.BPF = tcnl.BPF{FD: m.prog.FD(), Name: "meddling", DirectAction: true} })
	}},
	{"another program under our name", func(m *mangling) {
		dev, hook := m.hook()
		m.filter(dev, hook, func(f *tcnl.Filter) { f.BPF.FD = m.prog.FD() })
	}},
	{"program of another hook", func(m *mangling) {
		m.filter("wan0", tcnl.HookEgress, func(f *tcnl.Filter) { f.BPF.Name, f.BPF.FD = m.ours("lan0", tcnl.HookEgress) })
	}},
	{"program of another hook under our name", func(m *mangling) {
		m.filter("wan0", tcnl.HookEgress, func(f *tcnl.Filter) { _, f.BPF.FD = m.ours("lan0", tcnl.HookEgress) })
	}},
	{"no direct action", func(m *mangling) {
		m.filter("lan0", tcnl.HookIngress, func(f *tcnl.Filter) { f.BPF.DirectAction = false })
	}},
	{"direct action at the redirect", func(m *mangling) {
		m.filter("wan0", tcnl.HookIngress, func(f *tcnl.Filter) { f.BPF.DirectAction, f.BPF.Action = true, tcnl.Action{} })
	}},
	{"no redirect", func(m *mangling) {
		m.filter("wan0", tcnl.HookIngress, func(f *tcnl.Filter) { f.BPF.Action = tcnl.Action{} })
	}},
	{"redirect to elsewhere", func(m *mangling) {
		m.filter("wan0", tcnl.HookIngress, func(f *tcnl.Filter) { f.BPF.Action = tcnl.RedirectTo(1) })
	}},
	{"redirect's action changed", func(m *mangling) {
		m.tc("actions change action mirred egress redirect dev lo index %d", m.redirectIndex())
	}},
	{"redirect made a copy", func(m *mangling) {
		m.tc("actions change action mirred egress mirror dev ifb-fibre index %d", m.redirectIndex())
	}},
}

// redirectIndex is the number of the action that redirects to the ifb.
func (m *mangling) redirectIndex() int {
	m.t.Helper()
	out := m.field.tc(m.t, "filter", "show", "dev", "wan0", "ingress")
	found := regexp.MustCompile(`index (\d+)`).FindStringSubmatch(out)
	if found == nil {
		m.t.Fatalf("no action in\n%s", out)
	}
	n, err := strconv.Atoi(found[1])
	m.must(err)
	return n
}

var waysWithIfbs = []way{
	{"ifb down", func(m *mangling) { m.must(m.box.Links().LinkSetDown(m.ifb())) }},
	{"ifb deleted", func(m *mangling) { m.must(m.box.Links().LinkDel(m.ifb())) }},
	{"ifb renamed", func(m *mangling) {
		m.must(m.box.Links().LinkSetDown(m.ifb()))
		m.must(m.box.Links().LinkSetName(m.ifb(), m.pick("ifb-other", "other0")))
	}},
	{"ifb renamed and up", func(m *mangling) {
		ifb := m.ifb()
		m.must(m.box.Links().LinkSetDown(ifb))
		m.must(m.box.Links().LinkSetName(ifb, m.pick("ifb-other", "other0")))
		m.must(m.box.Links().LinkSetUp(ifb))
	}},
	{"ifb's mtu smaller", func(m *mangling) { m.must(m.box.Links().LinkSetMTU(m.ifb(), 600+m.rnd.IntN(900))) }},
	{"ifb's alias removed", func(m *mangling) { m.must(m.box.Links().LinkSetAlias(m.ifb(), "")) }},
	{"ifb's alias changed", func(m *mangling) { m.must(m.box.Links().LinkSetAlias(m.ifb(), "mine")) }},
	{"ifb moved to another namespace", func(m *mangling) {
		m.must(m.box.Links().LinkSetNsFd(m.ifb(), m.away.Fd()))
		gone, err := m.away.Links().LinkByName("ifb-fibre")
		m.must(err)
		m.must(m.away.Links().LinkDel(gone))
	}},
	{"ifb, root and clsact gone", func(m *mangling) {
		m.must(m.box.Links().LinkDel(m.ifb()))
		m.tc("qdisc del dev wan0 root")
		m.tc("qdisc del dev wan0 clsact")
		m.tc("qdisc del dev lan0 clsact")
	}},
	{"everything gone", func(m *mangling) {
		for _, dev := range []string{"wan0", "ifb-fibre"} {
			m.tc("qdisc del dev %s root", dev)
		}
		for _, dev := range []string{"wan0", "lan0", "ifb-fibre"} {
			m.tc("qdisc del dev %s clsact", dev)
		}
		m.must(m.box.Links().LinkDel(m.ifb()))
	}},
}
