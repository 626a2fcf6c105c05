package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// rule labels the flows of a run that match.
type rule struct {
	match   func(*corpus.Seen) bool
	judge   func(*corpus.Seen) label
	atLeast int // how many such flows there must be; 1 when 0

	realtime int  // how many of them must be that
	whole    bool // no packet is shortened
}

// label is what a flow is, and from which packet on that can be told.
type label struct {
	slice, kind, traffic string
	tellsAt              int // 0: the run did not show what it should
}

// How much of a flow is kept: its first packets, of those the first whole, of the others the headers and some more.
const (
	keptPackets  = 200
	wholePackets = 24
	shortened    = 160 // bytes of a frame
	worthIt      = 200 // bytes of a frame that is shortened
)

// sort labels flows by the first rule that matches, and gives what is kept of their packets, in order. Flows that no rule
// wants are left out.
func sort(packets []pcapfile.Packet, rules []rule) ([]corpus.Flow, []pcapfile.Packet, error) {
	var flows []corpus.Flow
	var kept []corpus.Sighting
	count, realtime := make([]int, len(rules)), make([]int, len(rules))
	var strangers []string
	for _, seen := range corpus.Split(packets) {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.match(seen) })
		src, dst := seen.Ends()
		if i < 0 {
			strangers = append(strangers, fmt.Sprintf("%s %s %s", seen.Proto, src, dst))
			continue
		}
		seen.Packets = cut(seen.Packets, rules[i].whole)
		l := rules[i].judge(seen)
		if l.tellsAt == 0 {
			return nil, nil, fmt.Errorf("flow %s %s %s does not show what it is: %s", seen.Proto, src, dst, l.traffic)
		}
		count[i]++
		if l.slice == slice.Realtime {
			realtime[i]++
		}
		flows = append(flows, corpus.Flow{
			Proto: seen.Proto.String(), Src: src, Dst: dst, Slice: l.slice, Kind: l.kind, Traffic: l.traffic,
			TellsAt: l.tellsAt, Packets: len(seen.Packets),
		})
		kept = append(kept, seen.Packets...)
	}
	for i, r := range rules {
		if count[i] < max(1, r.atLeast) || realtime[i] < r.realtime {
			return nil, nil, fmt.Errorf("rule %d fits %d flows, want %d; %d are realtime, want %d; no rule fits: %s",
				i+1, count[i], max(1, r.atLeast), realtime[i], r.realtime, strings.Join(strangers, ", "))
		}
	}
	slices.SortFunc(kept, func(a, b corpus.Sighting) int { return a.Index - b.Index })
	out := make([]pcapfile.Packet, len(kept))
	for i, s := range kept {
		out[i] = s.Packet
	}
	return flows, out, nil
}

func cut(packets []corpus.Sighting, whole bool) []corpus.Sighting {
	packets = packets[:min(len(packets), keptPackets)]
	for i := range packets {
		if p := &packets[i].Packet; !whole && i >= wholePackets && len(p.Data) > worthIt {
			p.Data = p.Data[:shortened]
		}
	}
	return packets
}

// ports matches a protocol with one of the ports at either end.
func ports(proto slice.Proto, any ...uint16) func(*corpus.Seen) bool {
	return func(f *corpus.Seen) bool {
		return f.Proto == proto && (slices.Contains(any, f.Src.Port()) || slices.Contains(any, f.Dst.Port()))
	}
}

// portRange matches a protocol with a port of a range at either end.
func portRange(proto slice.Proto, from, to uint16) func(*corpus.Seen) bool {
	within := func(port uint16) bool { return port >= from && port <= to }
	return func(f *corpus.Seen) bool {
		return f.Proto == proto && (within(f.Src.Port()) || within(f.Dst.Port()))
	}
}

// protocol matches all of an IP protocol.
func protocol(proto slice.Proto) func(*corpus.Seen) bool {
	return func(f *corpus.Seen) bool { return f.Proto == proto }
}

// either matches what one of the given does.
func either(of ...func(*corpus.Seen) bool) func(*corpus.Seen) bool {
	return func(f *corpus.Seen) bool {
		return slices.ContainsFunc(of, func(match func(*corpus.Seen) bool) bool { return match(f) })
	}
}
