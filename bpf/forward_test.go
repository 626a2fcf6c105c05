package bpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// translated is a device's packet as NAT makes it.
func translated(pk packet) packet {
	pk.from = natEnd(pk.from)
	return pk
}

func natEnd(end netip.AddrPort) netip.AddrPort {
	if end.Addr().Is4() {
		return addr("198.51.100.2:61000")
	}
	return addr("[2001:db8:ffff::2]:61000")
}

// call has the two sides of a flow that a device began, and its download.
type call struct {
	*plane
	inside, outside packet
}

func (p *plane) call(from, to netip.AddrPort) call {
	inside := packet{from: from, to: to}
	return call{p, inside, translated(inside)}
}

// up sends payloads, and gives the classes that they got at the uplink.
func (c call) up(payloads ...[]byte) (classes []uint8) {
	c.t.Helper()
	for _, payload := range payloads {
		classes = append(classes, classOf(c.forwarded(c.inside.with(payload), c.outside.with(payload))))
	}
	return classes
}

// down sends payloads the other way.
func (c call) down(payloads ...[]byte) (classes []uint8) {
	c.t.Helper()
	for _, payload := range payloads {
		left := c.received(c.outside.with(payload).back())
		if classOf(left) != sliceOf(left) {
			c.t.Errorf("class of slice %d, but marked %d", classOf(left), sliceOf(left))
		}
		classes = append(classes, classOf(left))
	}
	return classes
}

func (c call) entry(tables ...string) *Flow {
	c.t.Helper()
	for _, table := range tables {
		if f := c.flow(table, c.outside.key()); f != nil {
			return f
		}
	}
	return nil
}

func (c call) expect(what string, got []uint8, want ...uint8) {
	c.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("%s: slices (-want +got)\n%s", what, diff)
	}
}

// in both versions of IP.
func eachCall(t *testing.T, test func(t *testing.T, c call)) {
	p := newPlane(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) { test(t, p.in(t).call(f.from, f.to)) })
	}
}

// The upload's verdict is the download's, with the device and who pays for it, from the first packet on; and from the settled
// table, once the flow settled.
func TestDownloadFollowsUpload(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		c.rules(nil, map[string]uint8{"10.9.4.0/24": 4, "2001:db8:4::/48": 4})
		c.expect("query", c.up(dnsQuery()), media) // port 50000 is no server's
		c.inside.to, c.outside.to = port(c.inside.to, 53), port(c.inside.to, 53)
		sent := c.forwarded(c.inside.with(dnsQuery()), c.outside.with(dnsQuery()))
		_, device := marked(sent)
		left := c.received(c.outside.with(make([]byte, 600)).back()) // nothing that says DNS by itself
		if slice, to := marked(left); slice != signalling || to != device || device == 0 || left.Mark>>24 != 4 {
			t.Errorf("slice %d, device %d, payer %d; want %d, %d, 4", slice, to, left.Mark>>24, signalling, device)
		}
		want := Verdict{Slice: signalling, Rank: uint8(RankStructure), Kind: uint8(dataplaneKindKIND_DNS)}
		if diff := cmp.Diff(want, c.entry("reverse_new").Given); diff != "" {
			t.Errorf("given (-want +got)\n%s", diff)
		}
		c.up(times(6, dnsQuery())...)
		if c.entry("reverse") == nil || c.entry("reverse_new") != nil {
			t.Error("the flow settled, but its other side did not")
		}
		c.expect("settled", c.down(nil), signalling)
	})
}

// A viewer that only receives: its upload shows STUN and RTCP, so what the uplink was given is provisional; the download's own RTP
// makes both directions realtime, and settles the entry without any help from the upload.
func TestViewerOnlyReceives(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		c.expect("stun", c.up(stun(0)), signalling)
		c.expect("answer", c.down(stun(8)), signalling)
		c.expect("media", c.down(stream(4, 1, 1, 1000)...), signalling, realtime, realtime, realtime)
		want := Verdict{Slice: signalling, Rank: uint8(RankProvisional), Kind: uint8(dataplaneKindKIND_STUN)}
		entry := c.entry("reverse")
		if entry == nil {
			t.Fatal("an entry that RTP settled is still in the nursery")
		}
		if diff := cmp.Diff(want, entry.Given); diff != "" {
			t.Errorf("given (-want +got)\n%s", diff)
		}
		c.expect("reports", c.up(rtcp(14), stun(0)), realtime, realtime)
		c.expect("answer", c.down(stun(8)), realtime)
		if entry = c.entry("reverse"); entry.SettledAt != 3 || entry.Learned.Slice != realtime {
			t.Errorf("entry %+v, want RTP at packet 3", entry)
		}
	})
}

// What the uplink's own RTP showed yields to an operator's rule, and comes back when the rule goes.
func TestRuleAtTheUplink(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		c.up(stun(0))
		c.down(stream(3, 1, 1, 160)...)
		c.rules([]rule{{slice: telemetry, udp: []uint16{50000}}}, nil)
		c.expect("rule", c.up(stun(0)), telemetry)
		c.expect("rule, download", c.down(stream(4, 4, 1, 160)...), times8(telemetry, 4)...)
		c.rules(nil, nil)
		c.expect("no rule", c.up(stun(0)), realtime)
		c.expect("no rule, download", c.down(stun(0)), realtime)
	})
}

func times8(b uint8, n int) []uint8 {
	all := make([]uint8, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// Confirmed structure of the upload is not doubted by the download's packets; unknown flows are, from both ends.
func TestDirectionsRefineEachOther(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		unknown := make([]byte, 50)
		c.expect("unknown", c.up(times(12, unknown)...)[11:], media)
		c.expect("unknown, download", c.down(times(12, unknown)...)[11:], media)
		c.expect("dtls, download", c.down(dtls(0xfefd, 30)), signalling)
		c.expect("now the upload", c.up(unknown), signalling)
		c.expect("rtp", c.up(stream(2, 1, 1, 160)...), signalling, realtime)
		c.expect("rtp, download", c.down(rtcp(0), stun(0)), realtime, realtime)
	})
}

// NAT may give a tuple to another device once the first one's flow is over: nothing of that is left.
func TestTupleOfAnotherDevice(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		c.up(stun(0))
		c.expect("first device", c.down(stream(6, 1, 1, 160)...)[5:], realtime)
		other := c
		other.inside.mac, other.inside.from = 9, netip.AddrPortFrom(c.inside.from.Addr().Next(), c.inside.from.Port())
		c.expect("second device", other.up(make([]byte, 50)), media)
		c.expect("second device's download", other.down(make([]byte, 50)), media)
		if f := c.entry("reverse", "reverse_new"); f.Learned != (Verdict{}) || f.Candidates[0].Ssrc != 0 {
			t.Errorf("entry %+v still knows the first device's call", f)
		}
	})
}

// A tunnel's packet that happens to look like DTLS makes its flow signalling for a while, not for ever. A flow that shows now and then what it
// was taken for stays that.
func TestProvisionalVerdictIsDisowned(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		unknown := make([]byte, 50)
		for _, way := range []struct {
			name string
			send func(...[]byte) []uint8
		}{{"up", c.up}, {"down", c.down}} {
			c.up(times(5, unknown)...)
			c.expect(way.name+", by chance", way.send(dtls(0xfefd, 30)), signalling)
			c.expect(way.name+", not yet", way.send(times(63, unknown)...), times8(signalling, 63)...)
			c.expect(way.name+", again", way.send(stun(0)), signalling)
			c.expect(way.name+", still not", way.send(times(63, unknown)...), times8(signalling, 63)...)
			c.expect(way.name+", disowned", way.send(unknown, unknown), media, media)
		}
	})
}

// Another CPU may have looked at its clock a moment later: what it has just heard is no silence of two minutes, nor has a device's limit leaked.
func TestClockBehindAnothers(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPlane(t)
			p.stopClock()
			c := p.call(f.from, f.to)
			c.up(stun(0))
			c.expect("before", c.down(stream(6, 1, 1, 160)...)[5:], realtime)
			_, device := marked(c.forwarded(c.inside.with(stun(0)), c.outside.with(stun(0))))
			limit := DeviceLimit{Level: 512}
			p.must(p.clock.Lookup(uint32(0), &limit.Last))
			p.must(p.Maps["device_limits"].Put(uint32(device), limit))
			p.pass(-time.Millisecond)
			c.expect("after", c.up(stun(0)), realtime)
			if e := c.entry("reverse"); e == nil || e.Learned.Slice != realtime {
				t.Errorf("the download's entry is %+v, want its RTP", e)
			}
			c.inside.to, c.outside.to = port(c.inside.to, 53), port(c.outside.to, 53)
			c.up(times(6, dnsQuery())...)
			if c.flow("flows", c.inside.key()) != nil || p.faults(FaultLimited) == 0 {
				t.Errorf("%d flows were told to wait, want the new one", p.faults(FaultLimited))
			}
		})
	}
}

// Without the venue's note the slice counts, but as a provisional verdict, which RTP outranks.
func TestNoteLost(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		c.rules([]rule{{slice: telemetry, udp: []uint16{50000}}}, nil)
		defer c.rules(nil, nil)
		for name, stamp := range map[string]uint64{"none": 0, "a true time": uint64(time.Hour)} {
			left := c.sent(c.inside)
			left.Tstamp = stamp
			if got := classOf(c.leaves(c.outside, left)); got != telemetry {
				t.Errorf("%s: class of slice %d, want %d", name, got, telemetry)
			}
			want := Verdict{Slice: telemetry, Rank: uint8(RankProvisional)}
			if diff := cmp.Diff(want, c.entry("reverse_new").Given); diff != "" {
				t.Errorf("%s: given (-want +got)\n%s", name, diff)
			}
		}
	})
}

// The note carries what the slice's number can't.
func TestNoteIsWhole(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		rules := make([]rule, MaxRules)
		for i := range rules {
			rules[i] = rule{slice: telemetry, subnets: []string{"203.0.113.0/24"}}
		}
		rules[63] = rule{slice: signalling, udp: []uint16{50000}}
		c.rules(rules, nil)
		defer c.rules(nil, nil)
		c.up(stream(4, 1, 1, 160)...)
		left := c.sent(c.inside.with(rtp(0x51ce6a7e, 5, 160)))
		c.leaves(c.outside, left)
		want := Verdict{Slice: signalling, Rank: uint8(RankRule), Kind: uint8(dataplaneKindKIND_RTP_AUDIO), Detail: 63}
		if diff := cmp.Diff(want, c.entry("reverse").Given); diff != "" {
			t.Errorf("given (-want +got)\n%s", diff)
		}
	})
}

// A forwarded packet without a slice was overwritten by somebody: it is counted, and classified by what it bears now.
func TestOverwritten(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		before := c.faults(FaultOverwritten)
		c.outside.to = port(c.outside.to, 53)
		if got := classOf(c.leaves(c.outside.with(dnsQuery()), skBuff{})); got != signalling {
			t.Errorf("class of slice %d, want signalling's", got)
		}
		if n := c.faults(FaultOverwritten) - before; n != 1 {
			t.Errorf("counted %d times, want once", n)
		}
		before = c.faults(FaultOverwritten)
		c.own(c.outside)
		if n := c.faults(FaultOverwritten) - before; n != 0 {
			t.Error("the box's own packet counts as overwritten")
		}
		if f := c.entry("reverse", "reverse_new"); f != nil {
			t.Errorf("reverse entry %+v of a packet that bears no verdict", f)
		}
	})
}

// What is in tc_index counts only on packets of the venue's: the box's own may bear anything.
func TestIndexOfTheBoxsOwn(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	for _, ingress := range []uint32{0, venueIfindex + 1} {
		ctx := p.sentAs(uplinkOut, pk.bytes(), skBuff{TcIndex: 5<<4 | realtime, IngressIfindex: ingress})
		if got := classOf(ctx); got != media {
			t.Errorf("came in at %d: class of slice %d, want the default's", ingress, got)
		}
	}
}

// A flow that the box began is one entry for both directions, and leaves no reverse entry.
func TestOwnFlow(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: natEnd(families[0].from), to: port(families[0].to, 50000)}
	for seq := range uint16(3) {
		p.own(pk.with(stun(0)))
		p.received(pk.back().with(rtp(1, seq, 200)))
	}
	if got := classOf(p.own(pk.with(stun(0)))); got != realtime {
		t.Errorf("class of slice %d, want realtime by the download's RTP", got)
	}
	if f := p.flow("reverse_new", pk.key()); f != nil {
		t.Errorf("reverse entry %+v", f)
	}
}
