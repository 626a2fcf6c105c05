package bpf

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is a form that headers may have.
type shape struct {
	name    string
	packet  packet
	noPorts bool
	headers int // bytes from the frame's start that must be there for the flow to be known; 0: all but the payload
}

// shapes lists every form of headers that is understood.
func shapes() []shape {
	v4 := packet{from: families[0].from, to: families[0].to}
	v6 := packet{from: families[1].from, to: families[1].to}
	var all []shape
	add := func(name string, p packet, change func(*packet)) {
		if change != nil {
			change(&p)
		}
		s := shape{name: name, packet: p}
		switch p.protocol() {
		case protoUDP, protoTCP:
		case protoICMP, protoICMPv6:
			s.noPorts = true
			s.headers = len(p.bytes()) - 8 // cut ICMP is still ICMP
		default:
			s.noPorts = true
		}
		all = append(all, s)
	}
	for _, f := range []struct {
		name   string
		packet packet
		icmp   uint8
		echo   uint8
	}{{"ipv4", v4, protoICMP, 8}, {"ipv6", v6, protoICMPv6, 128}} {
		add(f.name+" udp", f.packet, nil)
		add(f.name+" tcp", f.packet, func(p *packet) { p.proto = protoTCP })
		add(f.name+" echo", f.packet, func(p *packet) { p.proto, p.icmpType, p.icmpID = f.icmp, f.echo, 0 })
		add(f.name+" unreachable", f.packet, func(p *packet) { p.proto, p.icmpType, p.icmpID = f.icmp, 3, 77 })
		add(f.name+" esp", f.packet, func(p *packet) { p.proto = protoESP })
		add(f.name+" vlan", f.packet, func(p *packet) { p.tags = []uint16{etherVLAN} })
		add(f.name+" qinq", f.packet, func(p *packet) { p.tags = []uint16{etherQinQ, etherVLAN} })
		add(f.name+" old qinq tcp", f.packet, func(p *packet) { p.tags, p.proto = []uint16{0x9100, etherVLAN}, protoTCP })
		add(f.name+" pppoe", f.packet, func(p *packet) { p.pppoe = true })
		add(f.name+" pppoe tcp", f.packet, func(p *packet) { p.pppoe, p.proto = true, protoTCP })
		add(f.name+" qinq pppoe", f.packet, func(p *packet) { p.pppoe, p.tags = true, []uint16{etherQinQ, etherVLAN} })
	}
	add("ipv4 igmp", v4, func(p *packet) { p.proto = protoIGMP })
	for name, options := range map[string][]byte{"router alert": {148, 4, 0, 0}, "40 bytes of options": make([]byte, 40)} {
		add("ipv4 "+name+" udp", v4, func(p *packet) { p.options = options })
		add("ipv4 "+name+" tcp", v4, func(p *packet) { p.options, p.proto = options, protoTCP })
		add("ipv4 "+name+" igmp", v4, func(p *packet) { p.options, p.proto = options, protoIGMP })
	}
	for name, exts := range map[string][]header{
		"hop by hop":      {hopByHop},
		"long hop by hop": {hopByHop16},
		"routing":         {routing},
		"destination":     {destOptions},
		"authentication":  {authentic},
		"atomic fragment": {lone},
		"all":             {hopByHop, destOptions, routing, lone, authentic, destOptions},
	} {
		add("ipv6 "+name+" udp", v6, func(p *packet) { p.exts = exts })
		add("ipv6 "+name+" tcp", v6, func(p *packet) { p.exts, p.proto = exts, protoTCP })
		add("ipv6 "+name+" pppoe", v6, func(p *packet) { p.exts, p.pppoe = exts, true })
		add("ipv6 "+name+" mld", v6, func(p *packet) { p.exts, p.proto, p.icmpType = exts, protoICMPv6, 143 })
	}
	add("ipv6 no next header", v6, func(p *packet) { p.proto = protoNone })
	return all
}

// want gives the flow that the shape's packet belongs to.
func (s shape) want() FlowKey {
	k := s.packet.key()
	if s.noPorts {
		k.LocalPort, k.RemotePort = 0, 0
	}
	return k
}

// Every shape leads to the same flow from both ends, also where the frame ends with its headers.
func TestShapes(t *testing.T) {
	p := newPlane(t)
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			p := p.in(t)
			for _, payload := range [][]byte{make([]byte, 33), nil} {
				for hook, put := range map[string]func(){
					"venue_in":   func() { p.sent(s.packet.with(payload)) },
					"uplink_in":  func() { p.received(s.packet.with(payload).back()) },
					"uplink_out": func() { p.own(s.packet.with(payload)) },
				} {
					p.forget()
					put()
					if diff := cmp.Diff([]FlowKey{s.want()}, p.keys("flows_new")); diff != "" {
						t.Errorf("%s, payload of %d bytes: flow (-want +got)\n%s", hook, len(payload), diff)
					}
				}
			}
			if n := p.faults(FaultUnparsed); n != 0 {
				t.Errorf("%d packets were counted as not parsed", n)
			}
		})
	}
}

// An echo's identifier stands for the port that ICMP lacks; other ICMP has none.
func TestEchoIdentifier(t *testing.T) {
	p := newPlane(t)
	for _, test := range []struct {
		name     string
		from     int
		proto, t uint8
		want     uint16
	}{
		{"request", 0, protoICMP, 8, 0x1234},
		{"reply", 0, protoICMP, 0, 0x1234},
		{"unreachable", 0, protoICMP, 3, 0},
		{"v6 request", 1, protoICMPv6, 128, 0x1234},
		{"v6 reply", 1, protoICMPv6, 129, 0x1234},
		{"v6 neighbour", 1, protoICMPv6, 135, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.in(t)
			f := families[test.from]
			pk := packet{from: f.from, to: f.to, proto: test.proto, icmpType: test.t, icmpID: 0x1234}
			ctx := p.sent(pk)
			p.received(pk.back())
			want := pk.key()
			want.LocalPort, want.RemotePort = test.want, 0
			if diff := cmp.Diff([]FlowKey{want}, p.keys("flows_new")); diff != "" {
				t.Errorf("flow (-want +got)\n%s", diff)
			}
			if sliceOf(ctx) != signalling {
				t.Errorf("slice %d, want signalling", sliceOf(ctx))
			}
		})
	}
}

// Wherever a frame is cut, each hook takes it, with a slice: what the flow says where its headers are whole, the default where not.
func TestTruncated(t *testing.T) {
	p := newPlane(t)
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			p := p.in(t)
			pk := s.packet.with(make([]byte, 20))
			frame, reverse := pk.bytes(), pk.back().bytes()
			headers := s.headers
			if headers == 0 {
				headers = len(frame) - len(pk.payload)
			}
			for n := shortest(frame); n <= len(frame); n++ {
				p.forget()
				p.checkCut(frame[:n], reverse[:n], n >= headers)
			}
		})
	}
}

// shortest is the least of a frame that a test run takes: an EtherType of IP must have the smallest IP header behind it. What cuts
// that header is tested behind VLAN tags and PPPoE.
func shortest(frame []byte) int {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherIPv4:
		return minFrame + 20
	case etherIPv6:
		return minFrame + 40
	}
	return minFrame
}

func (p *plane) checkCut(frame, reverse []byte, whole bool) {
	p.t.Helper()
	before := p.faults(FaultUnparsed)
	sent := p.sentAs(venueIn, frame, skBuff{})
	own := p.sentAs(uplinkOut, frame, skBuff{})
	ret, _, received := p.put(uplinkIn, reverse, skBuff{})
	p.sentAs(venueOut, reverse, skBuff{})
	flows, unparsed := len(p.keys("flows_new")), p.faults(FaultUnparsed)-before
	if ret != actRedirect {
		p.t.Errorf("cut at %d: uplink_in returned %d", len(frame), ret)
	}
	if whole && (flows != 1 || unparsed != 0) || !whole && (flows != 0 || unparsed != 3) {
		p.t.Errorf("cut at %d: %d flows, %d not parsed; whole: %v", len(frame), flows, unparsed, whole)
	}
	for hook, got := range map[string]uint8{"venue_in": sliceOf(sent), "uplink_out": classOf(own), "uplink_in": sliceOf(received)} {
		if got != media && (got != signalling || !whole) {
			p.t.Errorf("cut at %d: %s put it into slice %d", len(frame), hook, got)
		}
	}
}

// Headers that contradict themselves: the default slice, counted.
func TestLyingHeaders(t *testing.T) {
	p := newPlane(t)
	lie := func(f int, change func(*packet), ip func([]byte)) []byte {
		pk := packet{from: families[f].from, to: families[f].to, payload: make([]byte, 40)}
		if change != nil {
			change(&pk)
		}
		frame := pk.bytes()
		if ip != nil {
			ip(frame[14:])
		}
		return frame
	}
	tcp := func(pk *packet) { pk.proto = protoTCP }
	short := uint16(7)
	for name, frame := range map[string][]byte{
		"ipv4 header of 16 bytes":        lie(0, nil, func(ip []byte) { ip[0] = 0x44 }),
		"ipv4 says version 6":            lie(0, nil, func(ip []byte) { ip[0] = 0x65 }),
		"ipv4 shorter than its header":   lie(0, nil, func(ip []byte) { ip[3] = 19 }),
		"ipv4 ends within udp":           lie(0, nil, func(ip []byte) { ip[3] = 27 }),
		"ipv4 udp shorter than itself":   lie(0, func(pk *packet) { pk.udpLen = &short }, nil),
		"ipv4 tcp header of 16 bytes":    lie(0, tcp, func(ip []byte) { ip[32] = 4 << 4 }),
		"ipv4 tcp header past the end":   lie(0, tcp, func(ip []byte) { ip[3], ip[32] = 59, 15<<4 }),
		"ipv6 says version 4":            lie(1, nil, func(ip []byte) { ip[0] = 0x40 }),
		"ipv6 ends within udp":           lie(1, nil, func(ip []byte) { binary.BigEndian.PutUint16(ip[4:], 7) }),
		"ipv6 udp shorter than itself":   lie(1, func(pk *packet) { pk.udpLen = &short }, nil),
		"ipv6 tcp header of 16 bytes":    lie(1, tcp, func(ip []byte) { ip[52] = 4 << 4 }),
		"ipv6 ends within an extension":  lie(1, func(pk *packet) { pk.exts = []header{routing} }, func(ip []byte) { ip[5] = 8 }),
		"ipv6 extensions without end":    lie(1, func(pk *packet) { pk.exts = repeat(destOptions, 9) }, nil),
		"ipv6 extension that is too far": lie(1, func(pk *packet) { pk.exts = []header{{protoDestOpts, make([]byte, 1)}} }, func(ip []byte) { ip[41] = 255 }),
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			p.checkCut(frame, frame, false)
		})
	}
}

func repeat(h header, n int) []header {
	all := make([]header, n)
	for i := range all {
		all[i] = h
	}
	return all
}
