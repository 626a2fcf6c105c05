package shaper

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// families are what every test of the packet path runs over.
var families = []struct {
	name           string
	device, server string
}{
	{"ipv4", deviceAddr.String(), serverAddr.String()},
	{"ipv6", deviceAddr6.String(), serverAddr6.String()},
}

func TestForwardedCall(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			device := listen(t, b.device, netip.AddrPortFrom(netip.MustParseAddr(f.device), 5004).String())
			server := listen(t, b.server, netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000).String())
			to := netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000)
			var seen netip.AddrPort
			up := b.grown(slice.Up, func() {
				for seq := range uint16(10) {
					send(t, device, to, rtp(seq))
					_, seen = receive(t, server)
				}
			})
			// The first packet can't tell yet.
			if up["media"] != 1 || up["realtime"] != 9 {
				t.Errorf("upload grew by %v, want media 1 and realtime 9", up)
			}
			if seen.Addr() == netip.MustParseAddr(f.device) {
				t.Fatal("the server saw the device's own address: no NAT in this test")
			}
			down := b.grown(slice.Down, func() {
				for seq := range uint16(5) {
					send(t, server, seen, rtp(1000+seq))
					receive(t, device)
				}
			})
			if down["realtime"] != 5 {
				t.Errorf("download grew by %v, want realtime 5", down)
			}
			want := Explanation{
				Live: true, Slice: 2, Kind: "rtp-audio", Rank: bpf.RankStructure, PacketsToSettle: 2,
				Device: macOf(t, b, "eth0"), Experience: 4,
			}
			local := netip.MustParseAddrPort(device.LocalAddr().String())
			if diff := cmp.Diff(want, b.explain(local, to)); diff != "" {
				t.Errorf("explain (-want +got)\n%s", diff)
			}
			if got := b.devices(); got[Key{0, slice.Up, 2}] != 1 || got[Key{0, slice.Down, 2}] != 1 {
				t.Errorf("devices in realtime: %v, want one each way", got)
			}
			// The tuple after NAT, either way round, is the same flow.
			for _, x := range []Explanation{b.explain(seen, to), b.explain(to, seen)} {
				if x.Live != true || x.Slice != 2 || x.Device != want.Device {
					t.Errorf("explain by the NAT'd tuple: %+v", x)
				}
			}
		})
	}
}

func macOf(t *testing.T, b *testBox, ifname string) string {
	t.Helper()
	link, err := b.device.Links().LinkByName(ifname)
	must(t, err)
	return link.Attrs().HardwareAddr.String()
}

// A viewer that only receives shows STUN and RTCP in its upload: signalling, provisionally. Its download is realtime by its own RTP,
// and then so is the rest of the flow.
func TestViewerThatOnlyReceives(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			device := listen(t, b.device, netip.AddrPortFrom(netip.MustParseAddr(f.device), 5004).String())
			server := listen(t, b.server, netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000).String())
			to := netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000)
			var seen netip.AddrPort
			up := b.grown(slice.Up, func() {
				send(t, device, to, stunBinding())
				_, seen = receive(t, server)
			})
			if up["signalling"] == 0 || up["media"] > 0 { // address resolution is signalling too
				t.Errorf("STUN went to %v, want signalling", up)
			}
			down := b.grown(slice.Down, func() {
				for seq := range uint16(20) {
					send(t, server, seen, rtp(seq))
					receive(t, device)
				}
			})
			if down["realtime"] < 19 {
				t.Errorf("download grew by %v, want realtime from the second packet on", down)
			}
			up = b.grown(slice.Up, func() {
				send(t, device, to, stunBinding())
				receive(t, server)
			})
			if up["realtime"] != 1 {
				t.Errorf("STUN of a flow that carries media went to %v, want realtime", up)
			}
		})
	}
}

// A rule that the operator wrote outranks RTP, also where the upload showed nothing and the download shows RTP.
func TestRuleOutranksStructure(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Rules = []Rule{{Slice: 4, Ports: []PortRange{{slice.UDP, 6000, 6001}}, Experience: 4}}
	b.start(cfg)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			device := listen(t, b.device, netip.AddrPortFrom(netip.MustParseAddr(f.device), 5004).String())
			server := listen(t, b.server, netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000).String())
			to := netip.AddrPortFrom(netip.MustParseAddr(f.server), 6000)
			var seen netip.AddrPort
			up := b.grown(slice.Up, func() {
				send(t, device, to, stunBinding())
				_, seen = receive(t, server)
			})
			down := b.grown(slice.Down, func() {
				for seq := range uint16(8) {
					send(t, server, seen, rtp(seq))
					receive(t, device)
				}
			})
			if up["telemetry"] != 1 || down["telemetry"] != 8 {
				t.Errorf("up %v, down %v; want all in telemetry", up, down)
			}
			x := b.explain(netip.MustParseAddrPort(device.LocalAddr().String()), to)
			if x.Rank != bpf.RankRule || x.Rule != 1 {
				t.Errorf("explain: %+v, want rule 1", x)
			}
		})
	}
	if x := b.explain(netip.MustParseAddrPort("10.9.4.200:1"), netip.MustParseAddrPort("203.0.113.1:6001")); x.Live || x.Slice != 4 || x.Experience != 4 {
		t.Errorf("a flow that is not live: %+v, want telemetry by the rule", x)
	}
}

// A pin holds the box's own flow in both directions from the moment that Pin returns until its release does.
func TestPinnedFlowOfTheBox(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	own := listen(t, b.box, "198.51.100.2:3478")
	server := listen(t, b.server, "198.51.100.1:6000")
	ends := slice.Flow{Proto: slice.UDP, Local: netip.MustParseAddrPort("198.51.100.2:3478"), Remote: netip.MustParseAddrPort("198.51.100.1:6000")}
	exchange := func(want string) {
		t.Helper()
		up := b.grown(slice.Up, func() {
			send(t, own, ends.Remote, []byte("hello"))
			receive(t, server)
		})
		down := b.grown(slice.Down, func() {
			send(t, server, ends.Local, []byte("hello"))
			receive(t, own)
		})
		for _, grown := range []map[string]uint64{up, down} {
			if want != slice.Signalling {
				delete(grown, slice.Signalling) // the hosts looked for each other
			}
			if len(grown) != 1 || grown[want] == 0 {
				t.Errorf("up %v, down %v; want %s", up, down, want)
			}
		}
	}
	exchange("media")
	wild, err := b.shaper.Pin(slice.Flow{Proto: slice.UDP, Local: netip.MustParseAddrPort("0.0.0.0:3478")}, 1, "")
	must(t, err)
	exchange("signalling")
	exact, err := b.shaper.Pin(ends, 2, "stall-4")
	must(t, err)
	exchange("realtime")
	x, err := b.shaper.Explain(ends)
	must(t, err)
	if x.Rank != bpf.RankPin || x.Slice != 2 || x.Experience != 4 {
		t.Errorf("explain: %+v, want the pin, paid by stall-4", x)
	}
	exact()
	exchange("signalling")
	wild()
	exchange("media")
}

// Counters, flows and numbers belong to the kernel: another agent goes on where the first was.
func TestRestartGoesOn(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	device := listen(t, b.device, "10.9.4.7:5004")
	server := listen(t, b.server, "198.51.100.1:6000")
	to := netip.MustParseAddrPort("198.51.100.1:6000")
	exchange := func(seq uint16) {
		send(t, device, to, rtp(seq))
		receive(t, server)
	}
	for seq := range uint16(5) {
		exchange(seq)
	}
	_, err := b.shaper.Pin(udp("198.51.100.2:3478", ""), 2, "")
	must(t, err)
	before := b.counts(slice.Up)
	b.stop()
	exchange(5) // nobody is there, and all goes on
	b.start(b.config())
	after := b.counts(slice.Up)
	if after["realtime"] != before["realtime"]+1 || after["media"] != before["media"] {
		t.Errorf("counters went from %v to %v, want one more in realtime", before, after)
	}
	if pins := kernelPins(t, b.shaper.set); len(pins) != 0 {
		t.Errorf("pins of the dead agent are still there: %v", pins)
	}
	if b.shaper.set.Starts != 2 {
		t.Errorf("start number %d, want 2", b.shaper.set.Starts)
	}
}

// With a full pin table a flow that could not be pinned passes like any other, by what its packets show.
func TestTrafficGoesOnWithAFullPinTable(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	pin := func(i int) error {
		remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 4000)
		_, err := b.shaper.Pin(slice.Flow{Proto: slice.UDP, Local: netip.AddrPortFrom(boxAddr, 3478), Remote: remote}, 1, "")
		return err
	}
	for i := range bpf.MaxPins {
		must(t, pin(i))
	}
	if err := pin(bpf.MaxPins); !errors.Is(err, slice.ErrFull) {
		t.Fatalf("one too many: %v, want ErrFull", err)
	}
	device := listen(t, b.device, netip.AddrPortFrom(deviceAddr, 5004).String())
	server := listen(t, b.server, netip.AddrPortFrom(serverAddr, 6000).String())
	up := b.grown(slice.Up, func() {
		for seq := range uint16(10) {
			send(t, device, netip.AddrPortFrom(serverAddr, 6000), rtp(seq))
			receive(t, server)
		}
	})
	if up["realtime"] != 9 {
		t.Errorf("upload grew by %v, want realtime 9", up)
	}
}
