package shaper

import (
	"math"
	"math/bits"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// leaf is what queues a slice's packets. All kinds split superpackets, which otherwise would leave 64 kB at once.
func (t tree) leaf(add func(Object), sl Slice) {
	dev, class, handle := t.dev(), sliceClass(sl.ID), leafHandle(sl.ID)
	_, ceil := t.bounds(sl)
	kind := t.env.leaf(t.uplink.Leaf)
	if kind == LeafCake {
		mode := uint32(tcnl.CakeDualSource)
		if t.dir == slice.Down {
			mode = tcnl.CakeDualDestination
		}
		add(Qdisc{Dev: dev, Handle: handle, Parent: class, Options: tcnl.Cake{FlowMode: mode, SplitGSO: true}})
		add(program(dev, handle, "", bpf.Variant{Role: bpf.LeafHost}))
		return
	}
	add(Qdisc{Dev: dev, Handle: handle, Parent: class, Options: tcnl.TBF{
		Rate:  tcnl.Rate{BytesPerSecond: uint64(slice.MaxRate / 8), LinkLayer: tcnl.Ethernet},
		Burst: t.leafBurst(),
		Limit: t.limit(kind, ceil),
	}})
	if kind == LeafFQCoDel {
		add(Qdisc{Dev: dev, Handle: queueHandle(sl.ID), Parent: handle + 1, Options: t.codel(sl.ID, ceil)})
	}
}

// limit is how many bytes a tbf's own fifo holds. Only the first three bits count: of many small changes of a rate, few change that. A
// queue inside the tbf has a limit of its own.
func (t tree) limit(kind Leaf, ceil slice.Rate) uint32 {
	least := queueFrames * t.frame()
	if kind != LeafFIFO {
		return least
	}
	limit := uint32(min(ceil/8*t.queueTime()/1000, math.MaxUint32))
	cut := max(bits.Len32(limit)-3, 0)
	return max(limit>>cut<<cut, least)
}

// longest is the largest packet to expect. An interface's MTU is about what it sends: many receive whole Ethernet frames all the same.
func (t tree) longest() uint32 {
	if t.dir == slice.Down {
		return max(uint32(t.mtu), ethernetMTU)
	}
	return uint32(t.mtu)
}

// leafBurst is the longest packet that a tbf lets pass, and the longest superpacket that it does not split, in bytes.
func (t tree) leafBurst() uint32 { return t.longest() + burstMargin }

// splits reports whether what leaves split too little of goes through an ifb that splits it, before it is queued. HTB charges what a link adds
// to each packet once for all of a superpacket, and those that no leaf splits are of short segments, or of a long one and little more. What
// comes down is left alone: it crosses the link as packets, and more often than not arrives as such.
func (t tree) splits() bool {
	return t.dir == slice.Up && t.env.wantsSplitter(t.uplink) && t.env.maySplit(t.uplink)
}

// wantsSplitter reports whether that is so of u's uploads. A cake leaf splits all.
func (e Env) wantsSplitter(u Uplink) bool {
	return u.Upload > 0 && u.Overhead != (Overhead{}) && e.leaf(u.Leaf) != LeafCake
}

// maySplit reports whether u can have such an ifb. If not, all goes on without.
func (e Env) maySplit(u Uplink) bool { return !e.NoSplitter && !isTaken(e.Interfaces, splitterOf(u)) }

// isTaken reports whether somebody else's interface has the name of an ifb of ours.
func isTaken(interfaces map[string]Interface, name string) bool {
	link, there := interfaces[name]
	return there && !link.Ours
}

const (
	// burstMargin is what a frame is longer than that at most, headers and tags: a tbf drops what exceeds its burst, silently.
	burstMargin = 100
	// A fifo holds at least some frames.
	queueFrames = 16
)

// queueTime is how long a fifo is at most, at the slice's ceiling, in ms. What comes down has met the modem's queue already, and its sender
// slows down only when something is lost here: the longer this queue, the longer the modem's grows meanwhile.
func (t tree) queueTime() slice.Rate {
	if t.dir == slice.Down {
		return 30
	}
	return 100
}

// leaf settles "auto", and falls back to what every kernel has.
func (e Env) leaf(wanted Leaf) Leaf {
	switch {
	case wanted == LeafAuto && e.FQCoDel, wanted == LeafFQCoDel && e.FQCoDel:
		return LeafFQCoDel
	case wanted == LeafCake && e.Cake:
		return LeafCake
	}
	return LeafFIFO
}

const (
	// codelUnit is the least common multiple of a microsecond and CoDel's clock: times of whole units are dumped as written.
	codelUnit     = 128
	codelTarget   = 39 * codelUnit  // 5 ms
	codelInterval = 781 * codelUnit // 100 ms

	// codelQuantum is what a queue may send in a round, bytes. It is a fifth of a full packet, so that a small one mostly waits for some of
	// those of other devices, not for one of each. Where such a packet takes less than codelHurry, a round is soon over, and the processor has
	// better to do.
	codelQuantum = 300
	codelHurry   = 100 // µs
)

// codel tolerates at least the time of one and a half frames: what is on the wire is no queue. What comes down may have more patience.
func (t tree) codel(id slice.ID, ceil slice.Rate) tcnl.FQCoDel {
	frame := uint64(t.frame()) * 8 * 1_000_000 / uint64(max(ceil, 1)) // µs
	quantum := t.frame()
	if frame >= codelHurry {
		quantum = codelQuantum
	}
	target := max(codelTarget, (frame*3/2+codelUnit-1)/codelUnit*codelUnit)
	if t.dir == slice.Down {
		target = max(target, t.uplink.reaction.patience[id].target())
	}
	return tcnl.FQCoDel{
		Limit:    10240,
		Flows:    8192, // two for each of 4096 devices
		Quantum:  quantum,
		Target:   uint32(target),
		Interval: uint32(max(codelInterval, target)),
		Memory:   32 << 20,
		ECN:      true,
	}
}
