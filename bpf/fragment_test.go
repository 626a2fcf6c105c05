package bpf

import (
	"net/netip"
	"testing"
	"time"
)

// fragments cuts a datagram in two: 32 bytes with the transport header, and the rest.
func fragments(pk packet, ident uint32) (first, later packet) {
	whole := pk.transport()
	first, later = pk, pk
	first.payload = whole[8:32]
	length := uint16(len(whole))
	first.udpLen, first.fragment = &length, &fragment{ident: ident, more: true}
	later.payload, later.fragment = whole[32:], &fragment{ident: ident, offset: 4}
	return first, later
}

// eachWay runs a test at both hooks that meet fragments, in both versions of IP. deliver gives the slice that a packet got.
func eachWay(t *testing.T, test func(t *testing.T, p *plane, pk packet, deliver func(packet) uint8)) {
	p := newPlane(t)
	for _, f := range families {
		pk := packet{from: f.from, to: port(f.to, 53), payload: append(dnsQuery(), make([]byte, 40)...)}
		t.Run(f.name+" up", func(t *testing.T) {
			p := p.in(t)
			test(t, p, pk, func(pk packet) uint8 { return sliceOf(p.sent(pk)) })
		})
		t.Run(f.name+" down", func(t *testing.T) {
			p := p.in(t)
			test(t, p, pk, func(pk packet) uint8 { return sliceOf(p.received(pk)) })
		})
	}
}

// A later fragment gets what its first one got; its bytes are never taken for ports.
func TestFragmentsFollowTheFirst(t *testing.T) {
	eachWay(t, func(t *testing.T, p *plane, pk packet, deliver func(packet) uint8) {
		first, later := fragments(pk, 0xabcd)
		if got := deliver(first); got != signalling {
			t.Errorf("first: slice %d, want signalling", got)
		}
		for range 3 {
			if got := deliver(later); got != signalling {
				t.Errorf("later: slice %d, want signalling", got)
			}
		}
		if n := len(p.keys("flows_new")); n != 1 {
			t.Errorf("%d flows, want the first fragment's alone", n)
		}
	})
}

// Nothing but source, destination, protocol and ident of the same direction makes a fragment another's.
func TestFragmentsOfOthers(t *testing.T) {
	eachWay(t, func(t *testing.T, p *plane, pk packet, deliver func(packet) uint8) {
		first, later := fragments(pk, 0x1234)
		deliver(first)
		for name, change := range map[string]func(*packet){
			"ident":       func(pk *packet) { pk.fragment = &fragment{ident: 0x1235, offset: 4} },
			"source":      func(pk *packet) { pk.from = addrAfter(pk.from) },
			"destination": func(pk *packet) { pk.to = addrAfter(pk.to) },
			"direction":   func(pk *packet) { *pk = pk.back() },
		} {
			other := later
			change(&other)
			before := p.faults(FaultFragment)
			if got := deliver(other); got != media {
				t.Errorf("another %s: slice %d, want the default", name, got)
			}
			if n := p.faults(FaultFragment) - before; n != 1 {
				t.Errorf("another %s: counted %d times as unknown", name, n)
			}
		}
		if got := deliver(later); got != signalling {
			t.Errorf("its own: slice %d, want signalling", got)
		}
	})
}

// One address's fragments up and another's down may bear the same ident.
func TestIdentsOfBothDirections(t *testing.T) {
	p := newPlane(t)
	for _, f := range families {
		up := packet{from: f.from, to: port(f.to, 53), payload: append(dnsQuery(), make([]byte, 40)...)}
		first, _ := fragments(up, 99)
		p.sent(first)
		_, later := fragments(packet{from: f.to, to: f.from, payload: make([]byte, 90)}, 99)
		if got := sliceOf(p.received(later)); got != media {
			t.Errorf("%s: slice %d, want the default", f.name, got)
		}
	}
}

// In IPv4 an ident counts for its protocol; in IPv6 for itself, whatever header a fragment says comes next.
func TestProtocolOfFragments(t *testing.T) {
	p := newPlane(t)
	for i, want := range []uint8{media, signalling} {
		pk := packet{from: families[i].from, to: port(families[i].to, 53), payload: append(dnsQuery(), make([]byte, 40)...)}
		first, later := fragments(pk, 5)
		p.sent(first)
		later.proto = protoDestOpts
		if got := sliceOf(p.sent(later)); got != want {
			t.Errorf("%s: slice %d, want %d", families[i].name, got, want)
		}
	}
}

// An ident is forgotten after a second: it may be another datagram's by then.
func TestIdentsGrowOld(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: port(families[0].to, 53), payload: append(dnsQuery(), make([]byte, 40)...)}
	first, later := fragments(pk, 5)
	p.sent(first)
	time.Sleep(1100 * time.Millisecond)
	if got := sliceOf(p.sent(later)); got != media {
		t.Errorf("slice %d, want the default", got)
	}
}

// Who pays for a datagram pays for all of its fragments, in the default slice too.
func TestFragmentsArePaidFor(t *testing.T) {
	const payer = 9
	p := newPlane(t)
	p.rules(nil, map[string]uint8{netip.PrefixFrom(families[0].from.Addr(), 32).String(): payer})
	first, later := fragments(packet{from: port(families[0].from, 1), to: port(families[0].to, 2), payload: make([]byte, 80)}, 0x78)
	for i, left := range []skBuff{p.sent(first), p.sent(later)} {
		if got := left.Mark >> 24; sliceOf(left) != media || got != payer {
			t.Errorf("fragment %d: in slice %d, paid for by %d; want the default, and %d", i, sliceOf(left), got, payer)
		}
	}
}

// A first fragment in the default slice that nobody pays for leaves nothing: what follows it is in the default slice anyway.
func TestDefaultLeavesNoIdent(t *testing.T) {
	eachWay(t, func(t *testing.T, p *plane, pk packet, deliver func(packet) uint8) {
		pk.from, pk.to = port(pk.from, 1), port(pk.to, 2)
		first, later := fragments(pk, 0x77)
		if a, b := deliver(first), deliver(later); a != media || b != media {
			t.Errorf("slices %d and %d, want the default", a, b)
		}
	})
}

// The first fragment of a flow that already has its verdict needs no look inside.
func TestFragmentsOfKnownFlow(t *testing.T) {
	p := newPlane(t)
	for _, f := range families {
		p := p.in(t)
		pk := packet{from: f.from, to: f.to}
		p.sends(pk, stream(5, 1, 1, 200)...)
		first, later := fragments(pk.with(make([]byte, 200)), 31)
		sent, next := p.sent(first), p.sent(later)
		if sliceOf(sent) != realtime || next.TcIndex != sent.TcIndex {
			t.Errorf("%s: marked %#x, then %#x; want realtime, and the same device", f.name, sent.TcIndex, next.TcIndex)
		}
	}
}

// At the uplink's egress a later fragment of the venue's keeps its slice, since it bears it; the box's own has none.
func TestFragmentsAtEgress(t *testing.T) {
	p := newPlane(t)
	for _, f := range families {
		first, later := fragments(packet{from: f.from, to: port(f.to, 53), payload: append(dnsQuery(), make([]byte, 40)...)}, 8)
		p.forwarded(first, translated(first))
		if got := classOf(p.forwarded(later, translated(later))); got != signalling {
			t.Errorf("%s: class of slice %d, want signalling's", f.name, got)
		}
		if got := classOf(p.own(later)); got != media {
			t.Errorf("%s, the box's own: class of slice %d, want the default's", f.name, got)
		}
	}
}

// A first fragment that is too small for its header tells nothing.
func TestTinyFragment(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, proto: protoTCP, fragment: &fragment{ident: 1, more: true}}
	frame := pk.bytes()[:14+20+8]
	frame[17] = 28
	before := p.faults(FaultUnparsed)
	if got := sliceOf(p.sentAs(venueIn, frame, skBuff{})); got != media || p.faults(FaultUnparsed) != before+1 {
		t.Errorf("slice %d, counted %d times", got, p.faults(FaultUnparsed)-before)
	}
}
