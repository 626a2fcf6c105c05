package bpf

import (
	"testing"
	"time"
)

// sends puts payloads of one flow through the venue's ingress, and gives the slices they got.
func (p *plane) sends(pk packet, payloads ...[]byte) (slices []uint8) {
	p.t.Helper()
	for _, payload := range payloads {
		slices = append(slices, sliceOf(p.sent(pk.with(payload))))
	}
	return slices
}

func times(n int, payload []byte) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = payload
	}
	return all
}

func join(parts ...[][]byte) (all [][]byte) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// A flow's slice by packet, and the packet that settled it.
func TestVerdictsGrowStronger(t *testing.T) {
	p := newPlane(t)
	unknown, calls := make([]byte, 50), stream(20, 1, 1, 160)
	for _, test := range []struct {
		name     string
		payloads [][]byte
		want     []uint8 // of the last packets
		settled  uint16
	}{
		{"one unknown packet", times(1, unknown), []uint8{media}, 0},
		{"15 unknown packets", times(15, unknown), []uint8{media, media}, 0},
		{"16 unknown packets", times(16, unknown), []uint8{media, media}, 16},
		{"100 empty packets", times(100, nil), []uint8{media}, 16},
		{"stun", one(stun(0)), []uint8{signalling}, 0},
		{"stun for long", times(40, stun(0)), []uint8{signalling, signalling}, 16},
		{"rtp at once", calls[:5], []uint8{media, realtime, realtime, realtime, realtime}, 2},
		{"rtp of two sources", interleaved(2, 2), []uint8{media, media, realtime, realtime}, 3},
		{"stun, dtls, then rtp", join(one(stun(0)), one(dtls(0xfefd, 20)), calls[:2]), []uint8{signalling, signalling, signalling, realtime}, 4},
		{"rtcp, then rtp", join(one(rtcp(14)), calls[:2]), []uint8{signalling, signalling, realtime}, 3},
		{"rtp stays what it is", join(calls[:2], one(stun(0)), one(rtcp(14)), one(dtls(0xfefd, 20)), one(unknown)),
			[]uint8{media, realtime, realtime, realtime, realtime, realtime}, 2},
		{"unknown, then stun", join(times(5, unknown), one(stun(0))), []uint8{media, signalling}, 0},
		{"stun, then unknown", join(one(stun(0)), times(5, unknown)), []uint8{signalling, signalling}, 0},
		{"rtp after stun for long", join(times(100, stun(0)), calls[:3]), []uint8{signalling, signalling, realtime, realtime}, 102},
		{"rtp after what looked like it", join(interleaved(40, 1), calls[:2]), []uint8{media, media, realtime}, 42},
		{"100 packets that look like it", interleaved(100, 1), []uint8{media}, 79},
	} {
		for _, f := range families {
			t.Run(test.name+" "+f.name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: f.from, to: f.to}
				got := p.sends(pk, test.payloads...)
				last := got[len(got)-len(test.want):]
				for i := range last {
					if last[i] != test.want[i] {
						t.Errorf("slices %v, want %v at the end", got, test.want)
						break
					}
				}
				if f := p.flowAnywhere(pk.key()); f.SettledAt != test.settled {
					t.Errorf("settled at packet %d, want %d", f.SettledAt, test.settled)
				}
			})
		}
	}
}

// A default verdict is looked at again once a second: media may come late.
func TestSettledDefaultIsLookedAtAgain(t *testing.T) {
	p := newPlane(t)
	unknown, calls := make([]byte, 50), stream(40, 1, 1, 160)
	for _, f := range families {
		pk := packet{from: f.from, to: f.to}
		began := p.seconds()
		p.sends(pk, times(300, unknown)...)
		again := p.seconds() - began        // where that takes long, it is looked at again meanwhile
		time.Sleep(1200 * time.Millisecond) // more than 2^30 ns
		if got := p.sends(pk, calls[:2]...); got[1] != realtime {
			t.Errorf("%s: RTP after 300 packets of something else is in slice %d", f.name, got[1])
		}
		const took, look = 18, 8 // packets: those that were looked into until it was clear, and those of each look before
		if got := int64(p.flowAnywhere(pk.key()).SettledAt); (got-took)%look != 0 || got < took || got > took+look*again {
			t.Errorf("%s: settled at packet %d, want %d, and up to %d times %d more", f.name, got, took, again, look)
		}
	}
}

// flowAnywhere looks in the settled table, then in the nursery.
func (p *plane) flowAnywhere(key FlowKey) *Flow {
	p.t.Helper()
	f := p.flow("flows", key)
	if f == nil {
		f = p.flow("flows_new", key)
	}
	if f == nil {
		p.t.Fatal("no entry of the flow")
	}
	return f
}

// A pin is before a rule, an exact pin before one for any peer, a rule before RTP; with each that goes, the next has its turn, and
// what the packets showed is still known.
func TestRanks(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPlane(t)
			pk := packet{from: f.from, to: f.to}
			calls, seq := stream(100, 1, 1, 160), 0
			expect := func(when string, slice uint8, rank Rank) {
				t.Helper()
				payload := calls[seq]
				seq++
				if got := sliceOf(p.sent(pk.with(payload))); got != slice {
					t.Errorf("%s: slice %d, want %d", when, got, slice)
				}
				if f := p.flowAnywhere(pk.key()); Rank(max(f.Given.Rank, f.Learned.Rank)) != rank {
					t.Errorf("%s: given %+v, learned %+v; want rank %d", when, f.Given, f.Learned, rank)
				}
			}
			expect("first packet", media, RankNone)
			p.rules([]rule{{slice: telemetry, udp: []uint16{50000}}}, nil)
			expect("rule", telemetry, RankRule)
			expect("rule over what was learned meanwhile", telemetry, RankRule)
			p.pin(map[FlowKey]Pin{anyPeer(pk.key()): {Slice: signalling}})
			expect("pin for any peer", signalling, RankPin)
			p.pin(map[FlowKey]Pin{pk.key(): {Slice: realtime}})
			expect("exact pin", realtime, RankPin)
			p.unpin(pk.key())
			expect("pin for any peer again", signalling, RankPin)
			p.unpin(anyPeer(pk.key()))
			expect("rule again", telemetry, RankRule)
			p.rules(nil, nil)
			expect("no rule", realtime, RankStructure)
			if got := p.learned(pk.key()); got != audio {
				t.Errorf("learned %+v, want %+v", got, audio)
			}
		})
	}
}

// A pin holds a flow that nothing else tells, in its first packet, and from either end.
func TestPinOfNewFlow(t *testing.T) {
	p := newPlane(t)
	for _, f := range families {
		for name, key := range map[string]func(FlowKey) FlowKey{"exact": func(k FlowKey) FlowKey { return k }, "any peer": anyPeer} {
			t.Run(f.name+" "+name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: f.from, to: f.to, payload: make([]byte, 50)}
				pinned := key(pk.key())
				p.pin(map[FlowKey]Pin{pinned: {Slice: realtime}})
				defer p.unpin(pinned)
				if up, down := classOf(p.own(pk)), classOf(p.received(pk.back())); up != realtime || down != realtime {
					t.Errorf("classes of slices %d and %d, want %d", up, down, realtime)
				}
				if n := len(p.keys("flows_new")); n != 1 {
					t.Errorf("%d flows, want both directions in one", n)
				}
				other := pk
				other.from = port(pk.from, 1)
				if got := classOf(p.own(other)); got != media {
					t.Errorf("another port: class of slice %d, want the default's", got)
				}
				tcp := pk
				tcp.proto = protoTCP
				if got := classOf(p.own(tcp)); got != media {
					t.Errorf("another protocol: class of slice %d, want the default's", got)
				}
			})
		}
	}
}

// What is in the default slice follows the default when that becomes another slice.
func TestDefaultSliceChanges(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 50)}
	for range 20 {
		p.sent(pk)
	}
	p.set(func(s *Settings) { s.DefaultSlice = telemetry })
	if got := sliceOf(p.sent(pk)); got != telemetry {
		t.Errorf("slice %d, want the new default, %d", got, telemetry)
	}
}
