package doctor

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/nettest"
)

// Every fault is made in a namespace, found, and cured by what the doctor says to do.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		needs string // a feature of the kernel that not all have
		make  string // a command in the box
		cfg   func(*Config)
		want  []string
		cured string // a part of the advice, run as a command; "" for advice that is none
	}{
		{
			name: "an interface that is not there",
			cfg:  func(c *Config) { c.Uplinks[0].Interface = "wwan0" },
			want: []string{"interfaces: interface wwan0 is not there: uplink fibre is not shaped until it appears"},
		},
		{
			name:  "an interface that is down",
			make:  "ip link set lan0 down",
			want:  []string{"interfaces: interface lan0 is down: nothing goes through it"},
			cured: "ip link set lan0 up",
		},
		{
			name:  "a root of somebody else",
			make:  "tc qdisc add dev wan0 root handle 7: pfifo",
			want:  []string{"root-qdisc: wan0: foreign root qdisc pfifo 7:, so uplink fibre is left as it is, and not shaped"},
			cured: "tc qdisc del dev wan0 root",
		},
		{
			name: "a root of somebody else that may be replaced",
			make: "tc qdisc add dev wan0 root handle 7: pfifo",
			cfg:  func(c *Config) { c.Uplinks[0].Adopt = true },
			want: []string{},
		},
		{
			name: "a root of our own, and one of the venue's",
			make: "tc qdisc add dev wan0 root handle 5c1e: htb; tc qdisc add dev lan0 root handle 7: pfifo",
			want: []string{},
		},
		{
			name:  "a qdisc in the place of our filters",
			make:  "tc qdisc add dev lan0 ingress",
			want:  []string{"root-qdisc: lan0: foreign ingress qdisc: it takes the place of our filters, and nothing is classified there"},
			cured: "tc qdisc del dev lan0 ingress",
		},
		{
			name: "a filter after ours",
			make: "tc qdisc add dev lan0 clsact; tc filter add dev lan0 ingress pref 9 protocol ip u32 match u32 0 0",
			want: []string{"filters: lan0: foreign u32 filter at preference 9 of ingress " +
				"runs after ours, and may overwrite the slice of a packet (tc_index)"},
			cured: "tc filter del dev lan0 ingress pref 9",
		},
		{
			name: "a filter before ours",
			make: "tc qdisc add dev wan0 clsact; tc filter add dev wan0 egress pref 1 protocol ip u32 match u32 0 0",
			want: []string{"filters: wan0: foreign u32 filter at preference 1 of egress " +
				"runs before ours, and may keep packets from it"},
			cured: "tc filter del dev wan0 egress pref 1",
		},
		{
			name:  "an uplink that carries jumbo frames",
			make:  "ip link set wan0 mtu 9000",
			want:  []string{"mtu: wan0: MTU 9000: a jumbo frame holds up a call 6 times as long as a usual one"},
			cured: "ip link set wan0 mtu 1500",
		},
		{
			name:  "an uplink too small for IPv6",
			make:  "ip link set wan0 mtu 1000; ip link set lan0 mtu 1000",
			want:  []string{"mtu: wan0: MTU 1000: IPv6 does not work below 1280"},
			cured: "ip link set wan0 mtu 1280",
		},
		{
			name: "an uplink that carries less than the venue sends",
			make: "ip link set wan0 mtu 1492",
			want: []string{`mtu: wan0 has MTU 1492 and lan0 has 1500: connections hang wherever a firewall drops "packet too big"`},
		},
		{
			name: "the same with a clamp",
			make: "ip link set wan0 mtu 1492; " + chain + "nft add rule inet t c tcp flags syn tcp option maxseg size set 1452",
			want: []string{},
		},
		{
			name:  "no forwarding",
			make:  "sysctl -qw net.ipv4.ip_forward=0",
			want:  []string{"forwarding: the box does not forward IPv4: the venue has no Internet"},
			cured: "sysctl -w net/ipv4/ip_forward=1",
		},
		{
			name:  "no forwarding of IPv6, in a venue that has it",
			make:  "sysctl -qw net.ipv6.conf.all.forwarding=0; ip addr add 2001:db8::1/64 dev lan0 nodad",
			want:  []string{"forwarding: the box does not forward IPv6: the venue has no Internet"},
			cured: "sysctl -w net/ipv6/conf/all/forwarding=1",
		},
		{
			name: "no forwarding of IPv6, in a venue without it",
			make: "sysctl -qw net.ipv6.conf.all.forwarding=0",
			want: []string{},
		},
		{
			name: "a bridge that has the uplink for a port",
			make: "ip link add br0 type bridge; ip link set wan0 master br0; ip link set br0 up",
			cfg:  func(c *Config) { c.Venues = []string{"br0"} },
			want: []string{"bridge: uplink wan0 is a port of the venue's bridge br0: bridged packets pass no hook of br0, and are not told apart"},
		},
		{
			name: "bridge mode, without forwarding",
			make: bridged + "sysctl -qw net.ipv4.ip_forward=0",
			want: []string{},
		},
		{
			name:  "bridge mode, with a bridge that drops",
			make:  bridged + "ip link set wan0 mtu 1400",
			want:  []string{"mtu: wan0 has MTU 1400 and lan0 has 1500: their bridge drops larger packets, and nobody is told"},
			cured: "ip link set lan0 mtu 1400",
		},
		{
			name: "bridge mode, with the firewall in between", needs: "br_netfilter",
			make: bridged + "sysctl -qw net.bridge.bridge-nf-call-iptables=1",
			want: []string{"bridge: net/bridge/bridge-nf-call-iptables is on: " +
				"the firewall's rules for forwarded packets see bridged ones too, and may drop them or overwrite who pays"},
			cured: "sysctl -w net/bridge/bridge-nf-call-iptables=0",
		},
		{
			name: "a rule that overwrites who pays",
			make: chain + "nft add rule inet t c meta mark set ct mark",
			want: []string{"packet-marks: a rule in nft table inet t, chain c, sets the packet mark without keeping the bits 0xff000000: " +
				"bytes are no longer booked to who pays; slices are right all the same"},
		},
		{
			name: "the same where nobody pays by name",
			make: chain + "nft add rule inet t c meta mark set ct mark",
			cfg:  func(c *Config) { c.MarkMask = 0 },
			want: []string{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // making and removing namespaces is mostly waiting
			if tt.needs != "" {
				nettest.Require(t, tt.needs)
			}
			f := newField(t)
			if tt.make != "" {
				f.sh(t, tt.make)
			}
			if tt.cfg != nil {
				tt.cfg(&f.cfg)
			}
			answers := f.examine(t)
			if diff := cmp.Diff(tt.want, faults(t, answers)); diff != "" {
				t.Fatalf("faults (-want +got):\n%s", diff)
			}
			if tt.cured == "" {
				return
			}
			name, _, _ := strings.Cut(tt.want[0], ":")
			if do := advice(answers, name); !strings.Contains(do, tt.cured) {
				t.Fatalf("to do: %s, want %s", do, tt.cured)
			}
			f.sh(t, tt.cured)
			if got := faults(t, f.examine(t)); len(got) > 0 {
				t.Errorf("%s did not cure it: %s", tt.cured, got)
			}
		})
	}
}

const (
	// chain makes one in which rules see what is forwarded.
	chain = "nft add table inet t; nft add chain inet t c '{ type filter hook forward priority 0; }'; "
	// bridged makes both interfaces ports, and keeps the firewall out.
	bridged = "ip link add br0 type bridge; ip link set br0 up; ip link set wan0 master br0; ip link set lan0 master br0; " +
		"[ ! -e /proc/sys/net/bridge ] || sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; "
)

func TestNoCarrier(t *testing.T) {
	f := newField(t)
	guest, err := f.outside.Links().LinkByName("guest")
	must(t, err)
	must(t, f.outside.Links().LinkSetDown(guest))
	want := []string{"interfaces: interface lan0 has no carrier: nothing goes through it"}
	if diff := cmp.Diff(want, faults(t, f.examine(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReversePath(t *testing.T) {
	f := newField(t)
	must(t, nettest.Veth(f.box, "wan1", f.outside, "lte"))
	must(t, f.box.Sysctl("net.ipv4.conf.all.rp_filter", "1"))
	if got := faults(t, f.examine(t)); len(got) > 0 {
		t.Errorf("with one uplink: %s", got)
	}
	f.cfg.Uplinks = append(f.cfg.Uplinks, Uplink{Name: "lte", Interface: "wan1"})
	must(t, f.box.Sysctl("net.ipv4.conf.wan1.rp_filter", "2"))
	answers := f.examine(t)
	want := []string{"rp_filter: wan0: rp_filter is strict, and there are 2 uplinks: " +
		"what comes back by another uplink than it would be sent is dropped"}
	if diff := cmp.Diff(want, faults(t, answers)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	cure, _, _ := strings.Cut(advice(answers, "rp_filter"), ",")
	f.sh(t, cure)
	if got := faults(t, f.examine(t)); len(got) > 0 {
		t.Errorf("%s did not cure it: %s", cure, got)
	}
}

// idle is a program of somebody else, of any type, that does nothing.
func idle(t *testing.T, typ ebpf.ProgramType, answer int32) *ebpf.Program {
	t.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "stranger", Type: typ, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, answer), asm.Return()},
	})
	must(t, err)
	t.Cleanup(func() { prog.Close() })
	return prog
}

func TestForeignPrograms(t *testing.T) {
	nettest.Require(t, "tcx")
	const pass = 2 // XDP_PASS
	f := newField(t)
	lan := f.link(t, "lan0")
	xdp := idle(t, ebpf.XDP, pass)
	must(t, f.box.Do(func() error { return netlink.LinkSetXdpFd(lan, xdp.FD()) }))
	answers := f.examine(t)
	got := faults(t, answers)
	if len(got) != 1 || !strings.HasPrefix(got[0], "xdp: lan0: XDP program ") {
		t.Fatal(got)
	}
	const cure = "ip link set lan0 xdp off"
	if do := advice(answers, "xdp"); !strings.HasSuffix(do, cure) {
		t.Fatalf("to do: %s", do)
	}
	f.sh(t, cure)

	var attached link.Link
	tcx := idle(t, ebpf.SchedCLS, -1)
	must(t, f.box.Do(func() (err error) {
		attached, err = link.AttachTCX(link.TCXOptions{
			Interface: lan.Attrs().Index, Program: tcx, Attach: ebpf.AttachTCXIngress,
		})
		return err
	}))
	got = faults(t, f.examine(t))
	if len(got) != 1 || !strings.HasPrefix(got[0], "tcx: lan0: foreign tcx program ") || !strings.Contains(got[0], " at ingress runs before ours") {
		t.Error(got)
	}
	must(t, attached.Close())
	if got := faults(t, f.examine(t)); len(got) > 0 {
		t.Error(got)
	}
}

// Filters of our own are nobody else's; those of others are, also in our place.
func TestFiltersByName(t *testing.T) {
	f := newField(t)
	f.sh(t, "tc qdisc add dev wan0 clsact")
	add := func(handle uint32, name string) {
		t.Helper()
		must(t, f.box.Links().FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: f.link(t, "wan0").Attrs().Index, Parent: netlink.HANDLE_MIN_EGRESS, Priority: 1, Protocol: 3, Handle: handle,
			},
			Fd: idle(t, ebpf.SchedCLS, -1).FD(), Name: name, DirectAction: true,
		}))
	}
	add(1, "sliced/uplink_out:0123abcd")
	if got := faults(t, f.examine(t)); len(got) > 0 {
		t.Error(got)
	}
	add(2, "meddling")
	want := []string{"filters: wan0: foreign bpf filter meddling at preference 1 of egress " +
		"runs before ours, and may keep packets from it"}
	if diff := cmp.Diff(want, faults(t, f.examine(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
