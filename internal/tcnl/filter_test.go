package tcnl_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/tcnl"
)

func program(t *testing.T) (fd int, id uint32) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
		License:      "Dual BSD/GPL",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	n, _ := info.ID()
	return p.FD(), uint32(n)
}

func (b bench) clsact(t *testing.T) {
	t.Helper()
	must(t, b.conn.AddQdisc(tcnl.Qdisc{Ifindex: b.ifindex, Handle: tcnl.ClsactHandle, Parent: tcnl.Ingress, Options: tcnl.Clsact{}}))
}

func (b bench) filter(hook tcnl.Handle, bpf tcnl.BPF) tcnl.Filter {
	return tcnl.Filter{
		Ifindex: b.ifindex, Parent: hook, Pref: 1, Protocol: tcnl.ProtocolAll, Handle: 1, Kind: "bpf", BPF: bpf,
	}
}

// dumped gives the filters of a hook without the entries that stand for classifiers.
func (b bench) dumped(t *testing.T, hook tcnl.Handle) []tcnl.Filter {
	t.Helper()
	all, err := b.conn.Filters(b.ifindex, hook)
	must(t, err)
	var filters []tcnl.Filter
	for _, f := range all {
		if f.Handle != 0 {
			filters = append(filters, f)
		}
	}
	return filters
}

func (b bench) ifb(t *testing.T, name string) netlink.Link {
	t.Helper()
	must(t, b.Links().LinkAdd(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: name}}))
	link, err := b.Links().LinkByName(name)
	must(t, err)
	return link
}

func TestFilterIsReplacedInPlace(t *testing.T) {
	b := newBench(t, "clsact", "bpf", "ifb")
	b.clsact(t)
	oldFD, oldID := program(t)
	newFD, newID := program(t)
	first, second := b.ifb(t, "first"), b.ifb(t, "second")

	steps := []struct {
		name string
		bpf  tcnl.BPF
		id   uint32
	}{
		{"direct action", tcnl.BPF{FD: oldFD, Name: "first", DirectAction: true}, oldID},
		{"another program", tcnl.BPF{FD: newFD, Name: "second", DirectAction: true}, newID},
		{"with a redirect", tcnl.BPF{FD: newFD, Name: "third", Action: tcnl.RedirectTo(first.Attrs().Index)}, newID},
		{"another target", tcnl.BPF{FD: newFD, Name: "third", Action: tcnl.RedirectTo(second.Attrs().Index)}, newID},
		{"without one", tcnl.BPF{FD: oldFD, Name: "fourth"}, oldID},
	}
	for _, tt := range steps {
		want := b.filter(tcnl.HookIngress, tt.bpf)
		must(t, b.conn.SetFilter(want))
		want.BPF.ProgramID = tt.id
		got := b.dumped(t, tcnl.HookIngress)
		if diff := cmp.Diff([]tcnl.Filter{want}, got, cmpopts.IgnoreFields(tcnl.BPF{}, "FD")); diff != "" {
			t.Errorf("%s (-written +dumped):\n%s", tt.name, diff)
		}
		t.Log(b.tc(t, "-s", "filter", "show", "dev", "a", "ingress"))
	}
	must(t, b.conn.DeleteFilter(b.filter(tcnl.HookIngress, tcnl.BPF{})))
	if got := b.dumped(t, tcnl.HookIngress); len(got) != 0 {
		t.Errorf("after delete: %v", got)
	}
}

func TestForeignFiltersAreSeen(t *testing.T) {
	b := newBench(t, "clsact")
	b.clsact(t)
	b.tc(t, "filter", "add", "dev", "a", "egress", "pref", "7", "protocol", "ip", "u32", "match", "u32", "0", "0")
	var got []tcnl.Filter
	for _, f := range b.dumped(t, tcnl.HookEgress) {
		got = append(got, tcnl.Filter{Pref: f.Pref, Kind: f.Kind, Protocol: f.Protocol})
	}
	if len(got) == 0 || got[0] != (tcnl.Filter{Pref: 7, Kind: "u32", Protocol: 0x0800}) {
		t.Errorf("dumped %+v", got)
	}
	if other := b.dumped(t, tcnl.HookIngress); len(other) != 0 {
		t.Errorf("at the other hook: %+v", other)
	}
}

func TestRedirectToAnInterfaceThatWentIsSeen(t *testing.T) {
	b := newBench(t, "clsact", "bpf", "ifb")
	b.clsact(t)
	link := b.ifb(t, "target")
	fd, _ := program(t)
	f := b.filter(tcnl.HookIngress, tcnl.BPF{FD: fd, Name: "x", Action: tcnl.RedirectTo(link.Attrs().Index)})
	must(t, b.conn.SetFilter(f))
	must(t, b.Links().LinkDel(link))
	got := b.dumped(t, tcnl.HookIngress)
	if len(got) != 1 || got[0].BPF.Action != (tcnl.Action{Kind: "mirred"}) {
		t.Errorf("dumped %+v", got)
	}
	if _, err := b.Output("tc", "filter", "show", "dev", "a", "ingress"); err != nil {
		t.Error(err)
	}
}
