package shaper

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// leafPackets is how many packets went through a slice's queue on a device of the box.
func (b *testBox) leafPackets(t *testing.T, dev string, id slice.ID) uint64 {
	t.Helper()
	f := field{box: b.box}
	return f.leaf(t, dev, id).Stats.Packets
}

// call sends RTP both ways, and says that it was counted and queued as realtime, in the uplink's tree and in its ifb's.
func (b *testBox) call(t *testing.T, device, server *net.UDPConn, to netip.AddrPort, uplink, ifb string) {
	t.Helper()
	upBefore, downBefore := b.leafPackets(t, uplink, 2), b.leafPackets(t, ifb, 2)
	var seen netip.AddrPort
	up := b.grown(slice.Up, func() {
		for seq := range uint16(10) {
			send(t, device, to, rtp(seq))
			_, seen = receive(t, server)
		}
	})
	down := b.grown(slice.Down, func() {
		for seq := range uint16(10) {
			send(t, server, seen, rtp(1000+seq))
			receive(t, device)
		}
	})
	if up["realtime"] != 9 || down["realtime"] != 10 { // the first can't tell yet
		t.Errorf("upload grew by %v, download by %v; want realtime 9 and 10", up, down)
	}
	if up, down := b.leafPackets(t, uplink, 2)-upBefore, b.leafPackets(t, ifb, 2)-downBefore; up != 9 || down != 10 {
		t.Errorf("%d packets went through realtime's queue up, %d down; want 9 and 10", up, down)
	}
}

// The box as a bridge: its ports are the venue's interface and the uplink's, there is no NAT, and both families pass.
func TestBridge(t *testing.T) {
	nettest.Require(t, "root", "netns", "veth", "htb", "tbf", "ifb", "clsact", "bpf", "bridge")
	b := &testBox{t: t, device: nettest.NewT(t), box: nettest.NewT(t), server: nettest.NewT(t), stateDir: t.TempDir()}
	must(t, nettest.Veth(b.device, "eth0", b.box, "venue0"))
	must(t, nettest.Veth(b.box, "wan0", b.server, "eth0"))
	must(t, b.box.Bridge("br0", "venue0", "wan0"))
	must(t, b.device.Addr("eth0", "198.51.100.7/24", "2001:db8::7/64"))
	must(t, b.server.Addr("eth0", serverAddr.String()+"/24", serverAddr6.String()+"/64"))
	b.start(b.config())
	for family, end := range map[string][2]string{
		"ipv4": {"198.51.100.7", serverAddr.String()}, "ipv6": {"2001:db8::7", serverAddr6.String()},
	} {
		t.Run(family, func(t *testing.T) {
			local := netip.AddrPortFrom(netip.MustParseAddr(end[0]), 5004)
			to := netip.AddrPortFrom(netip.MustParseAddr(end[1]), 6000)
			b.call(t, listen(t, b.device, local.String()), listen(t, b.server, to.String()), to, "wan0", "ifb-fibre")
			if x := b.explain(local, to); x.Slice != 2 || x.Device != macOf(t, b, "eth0") {
				t.Errorf("explain: %+v, want realtime of the device's MAC", x)
			}
		})
	}
}

// Two uplinks, of which policy routing gives each device one: each has trees, slices and counters of its own.
func TestTwoUplinksByPolicy(t *testing.T) {
	b := newBox(t)
	must(t, nettest.Veth(b.box, "wan1", b.server, "eth1"))
	must(t, b.box.Addr("wan1", "203.0.113.2/24"))
	must(t, b.server.Addr("eth1", "203.0.113.1/24"))
	must(t, b.server.Addr("lo", "192.0.2.99/32"))
	must(t, b.box.Masquerade("wan1"))
	must(t, b.box.Route("default", serverAddr.String()))
	must(t, b.device.Addr("eth0", "10.9.4.8/24"))
	rule := netlink.NewRule()
	rule.Src, rule.Table, rule.Family = prefix("10.9.4.8/32"), 100, netlink.FAMILY_V4
	must(t, b.box.Links().RuleAdd(rule))
	wan1, err := b.box.Links().LinkByName("wan1")
	must(t, err)
	must(t, b.box.Links().RouteAdd(&netlink.Route{
		Dst: prefix("0.0.0.0/0"), Gw: net.IPv4(203, 0, 113, 1), LinkIndex: wan1.Attrs().Index, Table: 100,
	}))
	cfg := b.config()
	lte := Uplink{Name: "lte", Interface: "wan1", Index: 1, Download: 30 * slice.Mbit, Upload: 10 * slice.Mbit}
	lte.Shares = map[slice.ID]Share{2: {Min: share(t, "60%"), Max: share(t, "90%")}}
	cfg.Uplinks = append(cfg.Uplinks, lte)
	b.start(cfg)

	to := netip.MustParseAddrPort("192.0.2.99:6000")
	server := listen(t, b.server, to.String())
	packets := func() map[Key]uint64 {
		m, err := b.shaper.Measure(false)
		must(t, err)
		got := make(map[Key]uint64)
		for _, s := range m.Slices {
			if s.Slice == 2 {
				got[s.Key] = s.Total.Packets
			}
		}
		return got
	}
	for _, u := range []struct{ index, device, dev, ifb string }{
		{"0", "10.9.4.7:5004", "wan0", "ifb-fibre"}, {"1", "10.9.4.8:5004", "wan1", "ifb-lte"},
	} {
		t.Run(u.ifb, func(t *testing.T) {
			before := packets()
			b.call(t, listen(t, b.device, u.device), server, to, u.dev, u.ifb)
			for k, n := range packets() {
				grew := n - before[k]
				want := map[slice.Direction]uint64{slice.Up: 9, slice.Down: 10}[k.Direction]
				if (u.index == "1") != (k.Uplink == 1) {
					want = 0
				}
				if grew != want {
					t.Errorf("uplink %d, %s: realtime grew by %d, want %d", k.Uplink, k.Direction, grew, want)
				}
			}
		})
	}
	rates := map[string]slice.Rate{}
	for _, dev := range []string{"wan0", "wan1", "ifb-fibre", "ifb-lte"} {
		rates[dev] = b.classRate(t, dev, 2)
	}
	want := map[string]slice.Rate{"wan0": 50 * slice.Mbit, "ifb-fibre": 50 * slice.Mbit, "wan1": 6 * slice.Mbit, "ifb-lte": 18 * slice.Mbit}
	if diff := cmp.Diff(want, rates); diff != "" {
		t.Errorf("realtime's rates (-want +got):\n%s", diff)
	}
}

func prefix(s string) *net.IPNet {
	p := netip.MustParsePrefix(s)
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// classRate is the rate of a slice's class in the kernel.
func (b *testBox) classRate(t *testing.T, dev string, id slice.ID) slice.Rate {
	t.Helper()
	link, err := b.box.Links().LinkByName(dev)
	must(t, err)
	conn, err := tcnl.Dial(b.box.Fd())
	must(t, err)
	defer conn.Close()
	classes, err := conn.Classes(link.Attrs().Index)
	must(t, err)
	for _, c := range classes {
		if c.Handle == sliceClass(id) {
			return slice.Rate(c.HTB.Rate.BytesPerSecond * 8)
		}
	}
	t.Fatalf("%s has no class of slice %d", dev, id)
	return 0
}

// Several venue interfaces, one of which appears while the agent runs: devices of all are classified, counted, and told apart.
func TestVenueInterfaces(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Venue.Interfaces = []string{"venue0", "venue1"}
	b.start(cfg)
	other := nettest.NewT(t)
	must(t, nettest.Veth(other, "eth0", b.box, "venue1"))
	must(t, b.box.Addr("venue1", "10.9.5.1/24"))
	must(t, other.Addr("eth0", "10.9.5.7/24"))
	must(t, other.Route("default", "10.9.5.1"))
	await(t, "the new interface is taken up", func() bool { return len(b.shaper.Reconciler().Problems()) == 0 })
	await(t, "the programs know of it", func() bool { // after that is told
		b.shaper.box.mu.Lock()
		defer b.shaper.box.mu.Unlock()
		return b.shaper.box.now.Venues[1] != 0
	})

	to := netip.AddrPortFrom(serverAddr, 6000)
	server := listen(t, b.server, to.String())
	b.call(t, listen(t, b.device, "10.9.4.7:5004"), server, to, "wan0", "ifb-fibre")
	b.call(t, listen(t, other, "10.9.5.7:5004"), server, to, "wan0", "ifb-fibre")
	if n := b.devices()[Key{Direction: slice.Up, Slice: 2}]; n != 2 {
		t.Errorf("%d devices in realtime, want one at each interface", n)
	}
}

// Behind a router all frames have its MAC: there, a device is an IPv4 address or an IPv6 /64.
func TestDevicesBehindARouter(t *testing.T) {
	for _, tt := range []struct {
		name      string
		byAddress bool
		want      int
	}{{"by MAC", false, 1}, {"by address", true, 3}} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t)
			must(t, b.device.Addr("eth0", "10.9.4.8/24", "fd09:4::8/64"))
			cfg := b.config()
			cfg.Venue.ByAddress = tt.byAddress
			b.start(cfg)
			to, to6 := netip.AddrPortFrom(serverAddr, 6000), netip.AddrPortFrom(serverAddr6, 6000)
			server, server6 := listen(t, b.server, to.String()), listen(t, b.server, to6.String())
			b.call(t, listen(t, b.device, "10.9.4.7:5004"), server, to, "wan0", "ifb-fibre")
			b.call(t, listen(t, b.device, "10.9.4.8:5004"), server, to, "wan0", "ifb-fibre")
			b.call(t, listen(t, b.device, "[fd09:4::7]:5004"), server6, to6, "wan0", "ifb-fibre")
			b.call(t, listen(t, b.device, "[fd09:4::8]:5004"), server6, to6, "wan0", "ifb-fibre")
			if n := b.devices()[Key{Direction: slice.Up, Slice: 2}]; n != tt.want {
				t.Errorf("%d devices in realtime, want %d", n, tt.want)
			}
		})
	}
}
