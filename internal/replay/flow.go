package replay

import (
	"net/netip"
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Flow is both directions of a 5-tuple, and what became of it.
type Flow struct {
	Proto     slice.Proto
	Src, Dst  netip.AddrPort // Src sent first
	HasPorts  bool           // false: of the addresses alone
	Verdict   bpf.Verdict    // the final one
	SettledAt int            // the packet, from 1, from which on the slice no longer changed
	Packets   int
	Bytes     uint64   // of IP packets
	Judged    []Judged // packet by packet, where Config asks for it

	venueIsDst bool
}

// Judged is the verdict on one packet.
type Judged struct {
	At        time.Duration // since the capture's first packet
	Verdict   bpf.Verdict
	Direction slice.Direction
}

// Ends prints Src and Dst: with ports where the flow has them.
func (f *Flow) Ends() (src, dst string) {
	if f.HasPorts {
		return f.Src.String(), f.Dst.String()
	}
	return f.Src.Addr().String(), f.Dst.Addr().String()
}

// direction says which way a packet of the flow goes.
func (f *Flow) direction(h headers) slice.Direction {
	fromSrc := h.src == f.Src
	if !h.hasPorts { // a later fragment of a flow that has them
		fromSrc = h.src.Addr() == f.Src.Addr()
	}
	if fromSrc != f.venueIsDst {
		return slice.Up
	}
	return slice.Down
}

// add counts a packet with its verdict. A later fragment has its verdict from the first one, if the classifier still knew it, and
// tells nothing of the flow.
func (f *Flow) add(h headers, v bpf.Verdict) {
	f.Packets++
	f.Bytes += uint64(h.length)
	if f.Packets > 1 && f.HasPorts && h.fragment == later {
		return
	}
	if f.Packets == 1 || v.Slice != f.Verdict.Slice {
		f.SettledAt = f.Packets
	}
	f.Verdict = v
}

// flowKey is a 5-tuple whichever way a packet goes.
type flowKey struct {
	proto     slice.Proto
	hasPorts  bool
	low, high netip.AddrPort
}

func keyOf(h headers) flowKey {
	if h.src.Compare(h.dst) > 0 {
		return flowKey{h.proto, h.hasPorts, h.dst, h.src}
	}
	return flowKey{h.proto, h.hasPorts, h.src, h.dst}
}

// table finds the flow of a packet.
type table struct {
	venue     []netip.Prefix
	most      int
	flows     map[flowKey]*Flow
	order     []*Flow // in which they began
	fragments map[fragmentKey]firstFragment
}

func newTable(cfg Config) *table {
	most := cfg.MaxFlows
	if most == 0 {
		most = DefaultMaxFlows
	}
	return &table{
		venue:     cfg.Venue,
		most:      most,
		flows:     make(map[flowKey]*Flow),
		fragments: make(map[fragmentKey]firstFragment),
	}
}

// find gives the flow of a packet, a new one where it is the first; nil where there are as many as there may be.
func (t *table) find(h headers, at time.Duration) *Flow {
	if h.fragment == later {
		if f := t.flowOfFirst(h, at); f != nil {
			return f
		}
	}
	key := keyOf(h)
	f := t.flows[key]
	if f == nil {
		if len(t.order) >= t.most {
			return nil
		}
		f = &Flow{Proto: h.proto, Src: h.src, Dst: h.dst, HasPorts: h.hasPorts, venueIsDst: t.holds(h.dst) && !t.holds(h.src)}
		t.flows[key] = f
		t.order = append(t.order, f)
	}
	if h.fragment == first {
		t.rememberFirst(h, at, f)
	}
	return f
}

// holds reports whether an end is known to be the venue's.
func (t *table) holds(end netip.AddrPort) bool {
	for _, p := range t.venue {
		if p.Contains(end.Addr()) {
			return true
		}
	}
	return false
}
