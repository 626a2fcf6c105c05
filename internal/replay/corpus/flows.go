package corpus

import (
	"net/netip"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// Seen is a flow as it was met in a capture.
type Seen struct {
	Proto    slice.Proto
	Src, Dst netip.AddrPort // Src sent first
	Packets  []Sighting
}

// Sighting is one packet of a flow.
type Sighting struct {
	Datagram
	Packet  pcapfile.Packet
	Forward bool // from the flow's Src
	Index   int  // in the capture, from 0
}

// Ends prints a flow's ends as the manifest and the JSON contract have them.
func (s *Seen) Ends() (src, dst string) {
	if s.Proto != slice.UDP && s.Proto != slice.TCP {
		return s.Src.Addr().String(), s.Dst.Addr().String()
	}
	return s.Src.String(), s.Dst.String()
}

type flowKey struct {
	proto slice.Proto
	a, b  netip.AddrPort // a is the lower
}

type fragmentKey struct {
	proto    slice.Proto
	src, dst netip.Addr
	ident    uint32
}

// Split tells packets apart into flows, in the order in which they began. What is not IP is left out.
func Split(packets []pcapfile.Packet) []*Seen {
	var all []*Seen
	flows := make(map[flowKey]*Seen)
	firsts := make(map[fragmentKey]*Seen)
	for i, p := range packets {
		d, ok := Dissect(p)
		if !ok {
			continue
		}
		id := fragmentKey{d.Proto, d.Src.Addr(), d.Dst.Addr(), d.ident}
		flow := firsts[id]
		if !d.later || flow == nil {
			flow = flows[keyOf(d)]
		}
		if flow == nil {
			flow = &Seen{Proto: d.Proto, Src: d.Src, Dst: d.Dst}
			flows[keyOf(d)] = flow
			all = append(all, flow)
		}
		if d.fragment && !d.later {
			firsts[id] = flow
		}
		forward := d.Src.Addr() == flow.Src.Addr() && (d.later || d.Src == flow.Src)
		flow.Packets = append(flow.Packets, Sighting{Datagram: d, Packet: p, Forward: forward, Index: i})
	}
	return all
}

func keyOf(d Datagram) flowKey {
	if d.Src.Compare(d.Dst) > 0 {
		return flowKey{d.Proto, d.Dst, d.Src}
	}
	return flowKey{d.Proto, d.Src, d.Dst}
}
