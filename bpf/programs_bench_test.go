package bpf

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf/asm"
)

// What a program may cost above an empty one in the same run, ns.
const (
	boundIngress  = 50
	boundIngress6 = 55
	boundEgress   = 80
	boundFirst    = 500
)

// What is in the tables when a packet's way through them is measured cold.
const (
	manyFlows   = 60_000
	manyDevices = 4_000
)

// markingOut is venue_out where the venue wants DSCP.
var markingOut = Variant{Role: VenueEgress, Hook: 1, MarkMask: 0xff000000, WriteDSCP: true}

// probe is one hook's measurement.
type probe struct {
	name  string
	v     Variant
	pre   preamble
	frame []byte
	ctx   skBuff
	bound float64 // ns; 0 for none
}

// settledFlow is a flow of one family that every hook knows, in both directions.
type settledFlow struct {
	*plane
	inside, outside packet
	index           skBuff // what the hook before the shaper's leaves on its packets, in cb: tc_index and the note
}

// settle sends and receives until the flow is settled at both sides of NAT, and makes sure that it is.
func (p *plane) settle(b *testing.B, pk packet, payloads [][]byte, slice uint8, rank Rank) settledFlow {
	b.Helper()
	f := settledFlow{plane: p, inside: pk.with(payloads[len(payloads)-1])}
	f.outside = translated(f.inside)
	var left skBuff
	for _, payload := range payloads {
		left = p.sent(f.inside.with(payload))
		p.leaves(f.outside.with(payload), left)
		p.received(f.outside.with(payload).back())
	}
	for table, key := range map[string]FlowKey{"flows": f.inside.key(), "reverse": f.outside.key()} {
		if entry := p.flow(table, key); entry == nil || entry.Learned.Rank > uint8(rank) || entry.Given.Rank > uint8(rank) {
			b.Fatalf("%s: %+v, want a settled entry of rank %d", table, entry, rank)
		}
	}
	if sliceOf(left) != slice || deviceOf(left) == 0 || left.Tstamp&7 != uint64(rank) {
		b.Fatalf("slice %d, device %d, note %#x; want slice %d and rank %d", sliceOf(left), deviceOf(left), left.Tstamp, slice, rank)
	}
	f.index.IngressIfindex = venueIfindex
	f.index.Cb[0], f.index.Cb[2] = left.TcIndex, uint32(left.Tstamp)
	return f
}

// fill multiplies the flow by its port: manyFlows settled ones, of manyDevices devices.
func (f settledFlow) fill() {
	f.t.Helper()
	for table, key := range map[string]FlowKey{"flows": f.inside.key(), "reverse": f.outside.key()} {
		entry := *f.flow(table, key)
		f.must(f.Maps[table].Delete(key))
		first := entry.Device
		for port := 1; port <= manyFlows; port++ {
			key.LocalPort = uint16(port)
			entry.Device = first + uint16(port%manyDevices)
			f.must(f.Maps[table].Put(key, entry))
		}
	}
}

// probes has the hooks, those of the uplink with and without a choice of queues; each packet is of the same flow, or, where there are
// many, of the next one.
func (f settledFlow) probes(many bool) []probe {
	f.set(func(s *Settings) { s.DscpOfSlice[realtime], s.DscpOfSlice[media] = 46, 10 })
	l4, ingress := 14+20, float64(boundIngress)
	clearDSCP := append(preamble{asm.Mov.Imm(asm.R2, 0)}, store(asm.R2, 15, asm.Byte)...)
	if f.inside.from.Addr().Is6() {
		l4, ingress = 14+40, boundIngress6
		clearDSCP = append(preamble{asm.Mov.Imm(asm.R2, 0x60)}, store(asm.R2, 14, asm.Half)...)
	}
	var sending, receiving, sent, received preamble
	sent, received = asForwarded, asForwarded
	if many {
		sending, receiving = anotherFlow(l4, manyFlows), anotherFlow(l4+2, manyFlows)
		sent = slices.Concat(asForwarded, sending, ofItsDevice(manyDevices))
		received = slices.Concat(asForwarded, receiving, ofItsDevice(manyDevices))
	}
	up, down := f.outside.bytes(), f.outside.back().bytes()
	probes := []probe{
		{"venue_in", venueIn, sending, f.inside.bytes(), skBuff{}, ingress},
		{"uplink_in", uplinkIn, receiving, down, skBuff{}, ingress},
		{"uplink_in_fair", fairIn, receiving, down, skBuff{}, ingress},
		{"uplink_out", uplinkOut, sent, up, f.index, boundEgress},
		{"uplink_out_fair", fairOut, sent, up, f.index, boundEgress},
		{"ifb_out", ifbOut, received, down, f.index, boundEgress},
		{"venue_out", venueOut, received, f.inside.back().bytes(), f.index, boundEgress},
		{"venue_out_dscp", markingOut, slices.Concat(received, clearDSCP), f.inside.back().bytes(), f.index, boundEgress},
	}
	if many {
		return unbound(probes)
	}
	return probes
}

// unbound is for what is told, and not held to a figure.
func unbound(probes []probe) []probe {
	for i := range probes {
		probes[i].bound = 0
	}
	return probes
}

// measure prints what each hook costs, and fails above a bound.
func (p *plane) measure(b *testing.B, probes []probe) {
	b.Helper()
	for b.Loop() {
		for _, h := range probes {
			costs := p.above(b, h.v, h.pre, h.frame, h.ctx)
			cost := costs[rounds/2]
			b.Logf("%-14s %4.0f ns (%.0f to %.0f)", h.name, cost, costs[0], costs[rounds-1])
			b.ReportMetric(cost, "ns-"+h.name)
			if h.bound != 0 && cost > h.bound {
				b.Errorf("%s costs %.0f ns above an empty program, want at most %.0f", h.name, cost, h.bound)
			}
		}
	}
	b.ReportMetric(0, "ns/op") // the time it takes to measure is no figure
}

// stayed makes sure that the packets measured went the settled way: no table got an entry, nothing was refused.
func (f settledFlow) stayed(b *testing.B, flows int) {
	b.Helper()
	for table, want := range map[string]int{"flows": flows, "reverse": flows, "flows_new": 0, "reverse_new": 0} {
		if got := len(f.keys(table)); got != want {
			b.Errorf("%s has %d entries after the measurement, want %d", table, got, want)
		}
	}
	for fault := range dataplaneFaultFAULT_COUNT {
		if n := f.faults(fault); n != 0 {
			b.Errorf("fault %d was counted %d times", fault, n)
		}
	}
}

// demand gives the plane rules, payers and pins that a first packet is held against, none of which is its own.
func (p *plane) demand() {
	p.t.Helper()
	p.rules([]rule{
		{slice: telemetry, udp: []uint16{5004}, subnets: []string{"10.9.5.0/24", "2001:db8:5::/48"}},
		{slice: realtime, udp: []uint16{5005}},
	}, map[string]uint8{"10.9.4.0/24": 4, "2001:db8:4::/48": 4, "10.0.0.0/8": 9, "2001:db8::/32": 9})
	pins := make(map[FlowKey]Pin)
	for _, f := range families {
		own := packet{from: port(f.to, 3478), to: f.from}
		pins[anyPeer(own.key())] = Pin{Slice: signalling}
	}
	p.pin(pins)
}

// firstPackets has the hooks that meet new flows: a venue's, on both sides of NAT, and a stranger's from outside.
func firstPackets(pk packet) []probe {
	l4 := 14 + 20
	if pk.from.Addr().Is6() {
		l4 = 14 + 40
	}
	pk = pk.with(make([]byte, 100))
	outside := translated(pk)
	index := skBuff{IngressIfindex: venueIfindex}
	index.Cb[0], index.Cb[2] = 1<<4|media, uint32(RankDefault)
	const all = 0xffff // four times the nursery, so that no flow is still there when its turn comes again
	return []probe{
		{"venue_in", venueIn, anotherFlow(l4, all), pk.bytes(), skBuff{}, boundFirst},
		{"uplink_out", uplinkOut, slices.Concat(asForwarded, anotherFlow(l4, all)), outside.bytes(), index, boundFirst},
		{"uplink_in", uplinkIn, anotherFlow(l4+2, all), outside.back().bytes(), skBuff{}, boundFirst},
	}
}

// BenchmarkPrograms prints what a packet costs at each hook above an empty program, and fails above the bounds: of a settled
// flow, warm and as one of many, and of flows that are met for the first time.
func BenchmarkPrograms(b *testing.B) {
	for _, f := range families {
		pk := packet{from: f.from, to: f.to}
		for _, flow := range []struct {
			name     string
			payloads [][]byte
			slice    uint8
			rank     Rank
		}{
			{"call", stream(40, 1, 1, 160), realtime, RankStructure},
			{"default", times(40, make([]byte, 1000)), media, RankDefault},
		} {
			b.Run(f.name+"/"+flow.name, func(b *testing.B) {
				settled := newPlane(b).settle(b, pk, flow.payloads, flow.slice, flow.rank)
				settled.measure(b, settled.probes(false))
				settled.stayed(b, 1)
			})
			b.Run(f.name+"/"+flow.name+", one of many", func(b *testing.B) {
				settled := newPlane(b).settle(b, pk, flow.payloads, flow.slice, flow.rank)
				settled.fill()
				settled.measure(b, settled.probes(true))
				settled.stayed(b, manyFlows)
			})
		}
		b.Run(f.name+"/first packet", func(b *testing.B) {
			newPlane(b).measure(b, firstPackets(pk))
		})
		b.Run(f.name+"/first packet, with rules and pins", func(b *testing.B) {
			p := newPlane(b)
			p.demand()
			p.measure(b, unbound(firstPackets(pk)))
		})
	}
}
