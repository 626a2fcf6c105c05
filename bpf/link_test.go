package bpf

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Ethernet pads short frames; a header that lies in the padding is none.
func TestPaddingIsNoHeader(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, proto: protoICMP, icmpType: 8, icmpID: 9}
	frame := pk.bytes()
	binary.BigEndian.PutUint16(frame[16:], 20)
	p.sentAs(venueIn, append(frame, make([]byte, 18)...), skBuff{})
	want := pk.key()
	want.LocalPort, want.RemotePort = 0, 0
	if diff := cmp.Diff([]FlowKey{want}, p.keys("flows_new")); diff != "" {
		t.Errorf("flow (-want +got)\n%s", diff)
	}
	pk = packet{from: families[0].from, to: families[0].to, payload: stun(0)}
	if ctx := p.sentAs(venueIn, append(pk.bytes(), 0, 0, 0), skBuff{}); sliceOf(ctx) != signalling {
		t.Errorf("padded STUN is in slice %d, want signalling", sliceOf(ctx))
	}
}

// What is not IP keeps the network alive: signalling, never through the ifb, and no flow.
func TestControlIsSignalling(t *testing.T) {
	p := newPlane(t)
	head := []byte{1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1}
	for name, rest := range map[string][]byte{
		"arp":             append([]byte{8, 6}, make([]byte, 28)...),
		"arp in vlan":     append([]byte{0x81, 0, 0, 9, 8, 6}, make([]byte, 28)...),
		"eapol":           {0x88, 0x8e, 1, 0, 0, 5, 1, 1, 0, 5, 1},
		"lldp":            append([]byte{0x88, 0xcc}, make([]byte, 46)...),
		"bpdu":            append([]byte{0, 0x26, 0x42, 0x42, 3}, make([]byte, 35)...),
		"pppoe discovery": append([]byte{0x88, 0x63, 0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0}, make([]byte, 30)...),
		"pppoe lcp":       append([]byte{0x88, 0x64, 0x11, 0, 0, 7, 0, 10, 0xc0, 0x21}, make([]byte, 8)...),
		"pppoe ipv6cp":    append([]byte{0x88, 0x64, 0x11, 0, 0, 7, 0, 10, 0x80, 0x57}, make([]byte, 8)...),
		"nothing at all":  {8, 6},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			frame := append(head[:12:12], rest...)
			if got := sliceOf(p.sentAs(venueIn, frame, skBuff{})); got != signalling {
				t.Errorf("venue_in: slice %d, want signalling", got)
			}
			if got := classOf(p.sentAs(uplinkOut, frame, skBuff{})); got != signalling {
				t.Errorf("uplink_out: class of slice %d, want signalling's", got)
			}
			if ret, _, left := p.put(uplinkIn, frame, skBuff{Priority: 5}); ret != actPass || left.Priority != 5 {
				t.Errorf("uplink_in returned %d with priority %#x, want pass and nothing changed", ret, left.Priority)
			}
			if flows := p.keys("flows_new"); len(flows) != 0 {
				t.Errorf("flows %v", flows)
			}
		})
	}
	if n := p.faults(FaultUnparsed); n != 0 {
		t.Errorf("%d frames were counted as not parsed", n)
	}
}

// Raw-IP devices have no link-layer header. A test run wants an Ethernet header in every frame, so these IP headers are also one:
// bytes 12 and 13 are of the source address, and read as the EtherType.
func TestRawIP(t *testing.T) {
	p := newPlane(t)
	venue, uplink := venueIn, uplinkIn
	venue.RawIP, uplink.RawIP = true, true
	for name, end := range map[string]netip.AddrPort{"ipv4": addr("8.0.4.7:40000"), "ipv6": addr("[2001:db8:86dd::7]:40000")} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			pk := packet{from: end, to: addr("192.0.2.1:53"), payload: dnsQuery()}
			if end.Addr().Is6() {
				pk.to = addr("[2001:db8::1]:53")
			}
			slice, first := marked(p.sentAs(venue, pk.ip(), skBuff{}))
			if slice != signalling {
				t.Errorf("slice %d, want signalling", slice)
			}
			pk.from = port(pk.from, 40001)
			if _, second := marked(p.sentAs(venue, pk.ip(), skBuff{})); first == 0 || second != first {
				t.Errorf("devices %d and %d, want the same one", first, second)
			}
			device := DeviceKey{Ifindex: 1, Addr: Address(end.Addr())} // there is no MAC
			if end.Addr().Is6() {
				clear(device.Addr[8:])
			}
			var d Device
			p.must(p.Maps["devices"].Lookup(device, &d))
			if ret, _, left := p.put(uplink, pk.ip(), skBuff{}); ret != actRedirect || sliceOf(left) != signalling {
				t.Errorf("uplink_in returned %d for slice %d", ret, sliceOf(left))
			}
			if p.flow("flows_new", pk.key()) == nil || p.flow("flows_new", pk.back().key()) == nil {
				t.Errorf("flows %v", p.keys("flows_new"))
			}
		})
	}
}
