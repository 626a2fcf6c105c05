package shaper

import (
	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// tree is one direction of one uplink.
type tree struct {
	cfg    Config
	uplink Uplink
	dir    slice.Direction
	mtu    int // of the uplink, for both directions
	env    Env
}

func (t tree) dev() string {
	if t.dir == slice.Down {
		return ifbOf(t.uplink)
	}
	return t.uplink.Interface
}

// each gives the objects of a tree.
func (t tree) each(add func(Object)) {
	dev, link := t.dev(), t.link()
	htb := tcnl.HTB{}
	sharing := make(map[int][]Slice)
	for _, sl := range t.cfg.Slices {
		sharing[sl.Priority] = append(sharing[sl.Priority], sl)
		if sl.Default {
			htb.Default = uint32(bpf.ClassMinor(sl.ID))
		}
	}
	add(Qdisc{Dev: dev, Handle: rootHandle, Parent: tcnl.Root, Options: htb})
	add(Class{Dev: dev, Handle: linkClass, Parent: tcnl.Root, HTB: t.class(link, link)})
	for priority, members := range sharing {
		if len(members) == 1 {
			add(t.alone(members[0]))
		} else {
			t.shared(add, priority, members)
		}
		for _, sl := range members {
			t.leaf(add, sl)
		}
	}
}

// link is what the tree lets through in all.
func (t tree) link() slice.Rate { return t.uplink.rate(t.dir) - t.narrowed() }

// alone is a slice that has its priority for itself.
func (t tree) alone(sl Slice) Class {
	low, high := t.bounds(sl)
	urgent := t.urgent(sl)
	if urgent {
		low += t.spareFor(sl)
	}
	if t.yields(sl) {
		low = t.left(low, 1)
	}
	c := Class{Dev: t.dev(), Handle: sliceClass(sl.ID), Parent: linkClass, HTB: t.class(low, high)}
	c.HTB.Prio, c.HTB.Quantum = uint32(sl.Priority), t.frame()
	if urgent {
		// Of a slice that goes first, one full frame may leave at once anyway, so as much may in small packets. With less, a slice
		// that borrows sends one of them for each bulk packet, however small, and starves on a slow link.
		c.HTB.Burst, c.HTB.CeilBurst = max(c.HTB.Burst, ticks(t.frame(), low)), max(c.HTB.CeilBurst, ticks(t.frame(), high))
	}
	return c
}

// urgent reports whether a slice goes before best effort.
func (t tree) urgent(sl Slice) bool { return bestEffort(t.cfg.Slices)&(1<<sl.ID) == 0 }

// spareFor is what an urgent slice that is alone in its priority has of its own beyond its minimum, of what no slice is sure of: the first
// in line would borrow that anyway, but each time only after a packet of others has left. Slices that share a priority go on borrowing,
// before those that come later.
func (t tree) spareFor(sl Slice) slice.Rate {
	spare := int64(t.link()) // below 0 where minima are more than there is
	for _, other := range t.cfg.Slices {
		low, high := t.bounds(other)
		spare -= int64(low)
		if t.urgent(other) && other.Priority < sl.Priority {
			spare -= int64(high - low)
		}
	}
	low, high := t.bounds(sl)
	return slice.Rate(max(0, min(spare, int64(high-low))))
}

// shared puts slices of one priority under one class. They have next to no rate of their own: a leaf within its rate would send
// without asking its parent, so that each of them would put a packet ahead of what matters more.
func (t tree) shared(add func(Object), priority int, members []Slice) {
	var sum slice.Rate
	smallest := slice.MaxRate
	for _, sl := range members {
		low, _ := t.bounds(sl)
		sum += low
		smallest = min(smallest, low)
	}
	sum = min(sum, t.uplink.rate(t.dir))
	if t.yields(members[0]) {
		sum = t.left(sum, len(members))
	}
	add(Class{Dev: t.dev(), Handle: innerClass(priority), Parent: linkClass, HTB: t.class(sum, max(sum, t.link()))})
	for _, sl := range members {
		low, high := t.bounds(sl)
		c := Class{Dev: t.dev(), Handle: sliceClass(sl.ID), Parent: innerClass(priority), HTB: t.class(floorRate, high)}
		turns := min(float64(low)/float64(smallest), maxTurns)
		c.HTB.Prio, c.HTB.Quantum = uint32(priority), uint32(turns*float64(t.frame()))
		add(c)
	}
}

const (
	// floorRate is what a class gets at least: HTB knows no class without a rate.
	floorRate = 8 * slice.Kbit
	// maxTurns bounds how many frames one slice sends before another of its priority has its turn.
	maxTurns = 64
)

// bounds are the rates between which a slice is kept: at least floorRate, at most the link's.
func (t tree) bounds(sl Slice) (low, high slice.Rate) {
	link := t.uplink.rate(t.dir)
	b := t.uplink.bounds(sl)
	low = min(max(b.Min.Of(link), floorRate), link)
	high = min(max(b.Max.Of(link), low), link)
	return low, high
}

// frame is the largest frame as HTB sees it.
func (t tree) frame() uint32 { return uint32(t.mtu) + etherHeader }

const (
	ethernetMTU = 1500
	etherHeader = 14
)

func (t tree) class(rate, ceil slice.Rate) tcnl.HTBClass {
	return tcnl.HTBClass{Rate: t.rate(rate), Ceil: t.rate(ceil), Burst: burst(rate), CeilBurst: burst(ceil)}
}

func (t tree) rate(r slice.Rate) tcnl.Rate {
	o := t.uplink.Overhead
	k := tcnl.Rate{
		BytesPerSecond: uint64(max(r/8, 1)),
		Overhead:       uint16(o.Bytes),
		MPU:            uint16(o.MinFrame),
		LinkLayer:      tcnl.Ethernet,
	}
	if o.ATM {
		k.LinkLayer = tcnl.ATM
	}
	return k
}

// ticks is how long bytes take at a rate, in HTB's ticks.
func ticks(bytes uint32, r slice.Rate) uint32 {
	return uint32(uint64(bytes) * 8 * 1_000_000_000 / uint64(r) / tcnl.TickNanoseconds)
}

// burst is how long a class may exceed a rate, in HTB's ticks. It is short, since it all lands in the modem's queue ahead of a
// call; above 100 Mbit/s a busy host would not wake up in time.
func burst(r slice.Rate) uint32 {
	const short, long = 100_000, 250_000 // ns
	if r > 100*slice.Mbit {
		return long / tcnl.TickNanoseconds
	}
	return short / tcnl.TickNanoseconds
}
