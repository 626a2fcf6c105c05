package shaper

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// reaction is what a download's tree differs by from what is configured, for what its leaves drop and hold. The zero reaction is none.
//
// What comes down has been through the provider's queue already. Where many TCP flows share a link, each has a packet or two under way,
// and is at its smallest window: the more a leaf drops, the more the link carries for nothing, and what arrives exceeds what is let
// through by so much that the provider's queue fills, with everybody's calls in it.
type reaction struct {
	// narrowed is by how much the tree is narrower: as much as comes down and is dropped here, which the link has carried all the same, and more
	// while too much arrives.
	narrowed slice.Rate
	// patience is for leaves with so many queues that one has its turn later than CoDel would wait for.
	patience map[slice.ID]patience
}

func (r reaction) equals(o reaction) bool {
	return r.narrowed == o.narrowed && maps.Equal(r.patience, o.patience)
}

// narrowed is by how much a tree is narrower than it is configured: at most by half, and by no more than what is nobody's by its minimum and
// what best effort is sure of, but for what no class goes below. Below what its classes are sure of, HTB would have them all pay for it long
// afterwards.
func (t tree) narrowed() slice.Rate {
	if t.dir == slice.Up || t.uplink.reaction.narrowed == 0 {
		return 0
	}
	sure, floors := t.yielding()
	most := t.spare() + sure
	return min(t.uplink.reaction.narrowed, t.uplink.rate(t.dir)/mostNarrowed, max(most, floors)-floors)
}

// spare is what no slice is sure of by its minimum.
func (t tree) spare() slice.Rate {
	link, sure := t.uplink.rate(t.dir), slice.Rate(0)
	for _, sl := range t.cfg.Slices {
		low, _ := t.bounds(sl)
		sure += low
	}
	return max(link, sure) - sure
}

// yielding is what slices are sure of that give way, and what they keep in any case.
func (t tree) yielding() (sure, floors slice.Rate) {
	for _, sl := range t.cfg.Slices {
		if t.yields(sl) {
			low, _ := t.bounds(sl)
			sure, floors = sure+low, floors+floorRate
		}
	}
	return sure, floors
}

// yields reports whether a slice is best effort, and shares no class with one that is not.
func (t tree) yields(sl Slice) bool {
	return !slices.ContainsFunc(t.cfg.Slices, func(other Slice) bool { return other.Priority == sl.Priority && t.urgent(other) })
}

// left is what is left of a rate of some slices that yield: all of them give the same part of what they have beyond their floors, once nothing
// is spare.
func (t tree) left(low slice.Rate, members int) slice.Rate {
	narrowed, floor := t.narrowed(), floorRate*slice.Rate(members)
	if narrowed == 0 || low <= floor {
		return low
	}
	spare := t.spare()
	given := max(narrowed, spare) - spare
	sure, floors := t.yielding()
	return floor + slice.Rate(math.Round(float64(low-floor)*(1-float64(given)/float64(sure-floors))))
}

const (
	// Half of the link stays. Where as much is too little, what comes heeds no drop, and fills the provider's queue whatever is done: after
	// a time the tree is as configured again, for some time.
	mostNarrowed                   = 2
	patienceWithDeaf, restFromDeaf = 15 * time.Second, time.Minute
	// TCP finds its rate by losing a little: a fiftieth is not counted. Who shapes to 95 % of a contract has more than twice that to spare.
	freeWaste = 50
	// What arrived above the rate waits at the provider, and is paid back at so many times a second. A few frames are no queue: on a slow
	// link a look sees hardly more than ten.
	payBack = 8
	noQueue = 4 * fullFrame * 8 // bits
	// Less than a hundredth is nothing, and a tree is not written anew for a quarter of that.
	narrowStep = 100

	// remembered is how long drops count, and calm how long what was done in a hurry takes to be undone: at once, it would soon be called
	// for again.
	remembered = 4 * time.Second
	calm       = 2 * time.Second
)

// longestRound is more than the longest patience, in seconds: after it a leaf is soon as before.
const longestRound = 1

// patience is how often CoDel's target is doubled.
type patience uint8

// target is in CoDel's µs.
func (p patience) target() uint64 { return codelTarget << p }

// maxPatience is 640 ms.
const maxPatience patience = 7

// turns is how many packets of a flow CoDel lets wait. With three under way behind a lost one TCP notices at once (RFC 5681, section 3.2);
// with fewer it waits for its timer, and the link for it.
const turns = 3

// leafRates is what a leaf did in a while, in bit/s on the link.
type leafRates struct {
	arrived, dropped float64
	packets          float64 // that left it, 1/s
	queues           uint32  // of its fq_codel, that waited for their turns
}

// round is how long each of a leaf's queues waits for its next turn, in seconds.
func (l leafRates) round() float64 {
	if l.packets == 0 {
		return 0
	}
	return float64(l.queues) / l.packets
}

// strain is what is seen of one download, look by look.
type strain struct {
	rate    slice.Rate           // as configured
	dropped float64              // bit/s, of late
	owed    float64              // bits
	paying  float64              // of that, bit/s
	deaf    time.Duration        // how long all that can be done has not been enough; below 0 while it is not tried
	rounds  map[slice.ID]float64 // of leaves, in seconds, of late
	answer  reaction
}

// see takes in what each leaf of a download did in the time since the look before, and gives the answer.
func (s *strain) see(rate slice.Rate, leaves map[slice.ID]leafRates, span time.Duration) reaction {
	allowed := max(rate, s.rate) // to what has arrived by now
	if rate < s.rate {           // as much of it as before
		part := float64(rate) / float64(s.rate)
		s.dropped, s.owed, s.paying = s.dropped*part, s.owed*part, s.paying*part
	}
	s.rate = rate
	was := s.answer
	s.answer.patience = make(map[slice.ID]patience)
	rounds := make(map[slice.ID]float64)
	var arrived, dropped float64
	for id, l := range leaves {
		arrived, dropped = arrived+l.arrived, dropped+l.dropped
		rounds[id] = calmly(s.rounds[id], min(l.round(), longestRound), span)
		if p := was.patience[id].after(turns * rounds[id]); p > 0 {
			s.answer.patience[id] = p
		}
	}
	s.rounds = rounds
	s.dropped += (min(dropped, float64(rate)) - s.dropped) * part(span, remembered)
	s.answer.narrowed = s.narrower(float64(rate), arrived-float64(allowed), span)
	return s.answer
}

// narrower is by how much the tree of a link is to be narrower, where so much more arrived than was allowed.
func (s *strain) narrower(link, more float64, span time.Duration) slice.Rate {
	was, free, most, step := float64(s.answer.narrowed), link/freeWaste, link/mostNarrowed, link/narrowStep
	tooMuch := more - free
	if s.deaf < 0 {
		s.deaf = min(s.deaf+span, 0)
		s.owed, s.paying, s.dropped = 0, 0, 0
		return 0
	}
	s.owed = min(max(0, s.owed+tooMuch*span.Seconds()), noQueue+most/payBack)
	s.paying = calmly(s.paying, payBack*max(0, s.owed-noQueue), span)
	now := min(max(0, s.dropped-free)+s.paying, most)
	if now < most || s.owed <= noQueue {
		s.deaf = 0
	} else if s.deaf += span; s.deaf >= patienceWithDeaf {
		s.deaf = -restFromDeaf
	}
	switch {
	case now < step:
		return 0
	case math.Abs(now-was) < step/4:
		return slice.Rate(was)
	}
	return slice.Rate(now)
}

// calmly is now where that is more, and else a step on the way there.
func calmly(was, now float64, span time.Duration) float64 {
	return max(now, was+(now-was)*part(span, calm))
}

func part(span, whole time.Duration) float64 { return min(1, span.Seconds()/whole.Seconds()) }

// after is p where a queue is to be so many seconds long: it grows at once, and shrinks by half with each look while it is four times
// that.
func (p patience) after(wanted float64) patience {
	const us = 1e6
	for p < maxPatience && float64(p.target()) < wanted*us {
		p++
	}
	if p > 0 && float64(p.target()) > 4*wanted*us {
		p--
	}
	return p
}
