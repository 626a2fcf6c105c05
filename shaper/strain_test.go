package shaper

import (
	"slices"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

const strained slice.Rate = 100 * slice.Mbit

// afterLooks gives the answer to so many looks at a leaf, a second apart.
func (s *strain) afterLooks(n int, l leafRates) reaction {
	for range n {
		s.see(strained, map[slice.ID]leafRates{3: l}, time.Second)
	}
	return s.answer
}

// What TCP loses to find its rate is free; beyond, what is dropped narrows the tree by as much, and the tree comes back when it ends.
func TestDropsNarrowTheTree(t *testing.T) {
	for _, test := range []struct {
		name             string
		arrived, dropped float64 // Mbit/s
		want             slice.Rate
	}{
		{"nothing", 0, 0, 0},
		{"what TCP needs", 100, 2, 0},
		{"less than is worth a change", 100, 2.9, 0},
		{"a crowd", 100, 10, 8 * slice.Mbit},
		{"a crowd in a slice below its link", 60, 10, 8 * slice.Mbit},
		{"a flood", 105, 30, 50 * slice.Mbit},
		{"more than the link", 5000, 4900, 50 * slice.Mbit},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s strain
			got := s.afterLooks(14, leafRates{arrived: test.arrived * 1e6, dropped: test.dropped * 1e6}).narrowed
			if diff := max(got, test.want) - min(got, test.want); diff > strained/narrowStep {
				t.Errorf("the tree is narrower by %s, want %s", got, test.want)
			}
			if got = s.afterLooks(20, leafRates{}).narrowed; got != 0 {
				t.Errorf("after it the tree stays narrower by %s", got)
			}
		})
	}
}

// What arrives above the rate is paid back: the tree gives way more and more while that lasts, and keeps at it until as much less has arrived.
func TestWhatIsOwedIsPaidBack(t *testing.T) {
	var s strain
	look := func(arrived float64) slice.Rate { return s.afterLooks(1, leafRates{arrived: arrived * 1e6}).narrowed }
	var before slice.Rate
	for second := range 3 {
		now := look(104) // 2 Mbit above what is free
		if now <= before {
			t.Fatalf("second %d of too much: narrower by %s, then by %s", second+1, before, now)
		}
		before = now
	}
	for _, less := range []float64{2, 1.9, 1.9} {
		if look(102 - less); s.owed == 0 {
			t.Errorf("6 Mbit too much are forgotten %.1f Mbit before as much less arrived", less)
		}
	}
	if got := s.afterLooks(20, leafRates{arrived: 95e6}).narrowed; got != 0 {
		t.Errorf("when all is paid back the tree stays narrower by %s", got)
	}
}

// A flood that heeds nothing is given up after a time, and tried again a minute later: half of the link would be lost for nothing. On a slow
// link a look sees a frame more or less.
func TestADeafFloodIsGivenUp(t *testing.T) {
	const look = adaptEvery
	frames := func(n float64) float64 { return n * fullFrame * 8 / look.Seconds() }
	for _, test := range []struct {
		name    string
		link    slice.Rate
		arrived [3]float64 // bit/s, by turns
	}{
		{"105 Mbit/s on 100", 100 * slice.Mbit, [3]float64{105e6, 105e6, 105e6}},
		{"frames on 950 kbit/s", 950 * slice.Kbit, [3]float64{frames(20), frames(21), frames(21)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s strain
			var narrow time.Duration
			for i := range 200 * int(time.Second/look) {
				l := leafRates{arrived: test.arrived[i%3], dropped: 0.2 * float64(test.link)}
				if s.see(test.link, map[slice.ID]leafRates{3: l}, look).narrowed > 0 {
					narrow += look
				}
			}
			if narrow < 2*patienceWithDeaf || narrow > 3*(patienceWithDeaf+10*time.Second) {
				t.Errorf("narrower for %v of 200 s", narrow)
			}
		})
	}
}

// What was too much for a fast link is as much of a slower one, not all of it.
func TestASlowerLinkIsAsStrained(t *testing.T) {
	var s strain
	before := s.afterLooks(20, leafRates{arrived: 100e6, dropped: 20e6}).narrowed
	allowed := strained
	for _, rate := range []slice.Rate{90 * slice.Mbit, 20 * slice.Mbit} {
		l := leafRates{arrived: float64(allowed), dropped: 0.2 * float64(rate)} // since the look before
		got := s.see(rate, map[slice.ID]leafRates{3: l}, time.Second/4).narrowed
		allowed = rate
		want := before * rate / strained
		if diff := max(got, want) - min(got, want); diff > rate/narrowStep {
			t.Errorf("at %s the tree is narrower by %s, want %s", rate, got, want)
		}
	}
}

// On a slow link a look sees few packets, and one more or less is no queue.
func TestAPacketMoreIsNoQueue(t *testing.T) {
	const link = slice.Mbit
	var s strain
	for i := range 100 {
		wobble := 1e6 + float64(1-i%2*2)*2*fullFrame*8*4 // two frames in a quarter of a second
		if got := s.see(link, map[slice.ID]leafRates{3: {arrived: wobble}}, time.Second/4).narrowed; got != 0 {
			t.Fatalf("look %d narrows the tree by %s", i, got)
		}
	}
}

// What changes little is not written again, look by look.
func TestSteadyDropsAreWrittenOnce(t *testing.T) {
	var s strain
	s.afterLooks(20, leafRates{dropped: 10e6})
	for i := range 100 {
		was, wobble := s.answer, 10e6+float64(i%3-1)*500e3
		if now := s.see(strained, map[slice.ID]leafRates{3: {dropped: wobble}}, time.Second); i >= 20 && !now.equals(was) {
			t.Fatalf("look %d changes the tree, by %s", i, now.narrowed)
		}
	}
}

// One second of losses, as a large download begins, costs a quarter of what a lasting one does, and is over in some more.
func TestABurstOfLossesIsSoonOver(t *testing.T) {
	var s strain
	if got := s.afterLooks(1, leafRates{dropped: 20e6}).narrowed; got != 3*slice.Mbit {
		t.Errorf("narrower by %s", got)
	}
	if got := s.afterLooks(10, leafRates{}).narrowed; got != 0 {
		t.Errorf("after 10 s narrower by %s yet", got)
	}
}

// What is nobody's goes first, and then best effort gives way, each of its slices the same part; what is urgent is as sure of its minimum as
// before, and all that classes are sure of fits into the link.
func TestBestEffortGivesWay(t *testing.T) {
	four := fourSlices(t)
	with := func(change func(s []Slice)) []Slice {
		s := slices.Clone(four)
		change(s)
		return s
	}
	inner, own := func(priority int) tcnl.Handle { return innerClass(priority) }, func(id slice.ID) tcnl.Handle { return sliceClass(id) }
	for _, test := range []struct {
		name     string
		slices   []Slice
		narrowed slice.Rate // of 100 Mbit/s
		link     slice.Rate
		sure     map[tcnl.Handle]slice.Rate // Mbit/s
	}{
		{"nothing", four, 0, 100, map[tcnl.Handle]slice.Rate{own(1): 15, own(2): 50, inner(2): 35}},
		{"what is spare", four, 10, 90, map[tcnl.Handle]slice.Rate{own(1): 5, own(2): 50, inner(2): 35}},
		{"best effort too", four, 20, 80, map[tcnl.Handle]slice.Rate{own(1): 5, own(2): 50, inner(2): 25}},
		{"no more than these", four, 80, 55, map[tcnl.Handle]slice.Rate{own(1): 5, own(2): 50, inner(2): 0}},
		{"best effort in two priorities", with(func(s []Slice) { s[3].Priority, s[3].Min = 3, share(t, "15%") }), 15, 85,
			map[tcnl.Handle]slice.Rate{own(1): 5, own(2): 50, own(3): 20, own(4): 10}},
		{"urgent ones that share", with(func(s []Slice) { s[1].Priority = 0 }), 20, 80, map[tcnl.Handle]slice.Rate{inner(0): 55, inner(2): 25}},
		{"a call beside media", with(func(s []Slice) { s[1].Priority = 2 }), 50, 90, map[tcnl.Handle]slice.Rate{own(1): 5, inner(2): 85}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := reaction{narrowed: test.narrowed * slice.Mbit, patience: map[slice.ID]patience{3: maxPatience}}
			u := Uplink{Name: "fibre", Interface: "wan0", Download: 100 * slice.Mbit, Upload: 10 * slice.Mbit, reaction: r}
			desired, err := Desired(Config{Slices: test.slices, Uplinks: []Uplink{u}}, Env{Interfaces: fieldInterfaces(), FQCoDel: true})
			must(t, err)
			rate := func(h tcnl.Handle) slice.Rate {
				c, ok := desired.Objects[ID{ClassObject, "ifb-fibre", h}].(Class)
				if !ok || c.HTB.Rate.BytesPerSecond > c.HTB.Ceil.BytesPerSecond {
					t.Errorf("class %s: %v", h, c)
				}
				return slice.Rate(c.HTB.Rate.BytesPerSecond*8+uint64(slice.Mbit)/2) / slice.Mbit
			}
			if got := rate(linkClass); got != test.link {
				t.Errorf("the link is at %d Mbit/s, want %d", got, test.link)
			}
			var sum slice.Rate
			for h, want := range test.sure {
				if got := rate(h); got != want {
					t.Errorf("class %s is sure of %d Mbit/s, want %d", h, got, want)
				}
				sum += rate(h)
			}
			if sum > test.link {
				t.Errorf("classes are sure of %d Mbit/s, and the link has %d", sum, test.link)
			}
			if up := desired.Objects[ID{ClassObject, "wan0", linkClass}].(Class).HTB.Ceil.BytesPerSecond * 8; up != uint64(u.Upload) {
				t.Errorf("the upload is at %d bit/s", up)
			}
			for dev, want := range map[string]uint64{"ifb-fibre": maxPatience.target(), "wan0": codelTarget} {
				leaf := desired.Objects[ID{QdiscObject, dev, leafHandle(3) + 1}].(Qdisc).Options.(tcnl.FQCoDel)
				if uint64(leaf.Target) != want {
					t.Errorf("on %s CoDel's target is %d µs, want %d", dev, leaf.Target, want)
				}
			}
		})
	}
}

// However slow the link and however much is to go, its classes are sure of no more than it has: each leaf has a floor of its own.
func TestFloorsFitIntoANarrowLink(t *testing.T) {
	together, apart := fourSlices(t), fourSlices(t)
	apart[3].Priority, apart[3].Min = 3, share(t, "1%") // below its floor on a slow link
	for _, slices := range [][]Slice{together, apart} {
		for _, link := range []slice.Rate{100 * slice.Kbit, slice.Mbit, 20 * slice.Mbit} {
			u := Uplink{Name: "fibre", Interface: "wan0", Download: link, Upload: link, reaction: reaction{narrowed: link}}
			desired, err := Desired(Config{Slices: slices, Uplinks: []Uplink{u}}, Env{Interfaces: fieldInterfaces()})
			must(t, err)
			sure := make(map[tcnl.Handle]slice.Rate) // by parent
			rates := make(map[tcnl.Handle]slice.Rate)
			for id, o := range desired.Objects {
				if c, ok := o.(Class); ok && id.Dev == "ifb-fibre" {
					rates[c.Handle] = slice.Rate(c.HTB.Rate.BytesPerSecond * 8)
					sure[c.Parent] += rates[c.Handle]
				}
			}
			for parent, sum := range sure {
				if parent != tcnl.Root && sum > rates[parent] {
					t.Errorf("on %s class %s has %s, and those below it are sure of %s", link, parent, rates[parent], sum)
				}
			}
		}
	}
}

// CoDel waits for as many packets as TCP needs, of each queue in its turn: in this leaf, for three rounds of all.
func TestPatienceIsForManyQueues(t *testing.T) {
	for _, test := range []struct {
		name   string
		leaf   leafRates
		target time.Duration // at least; at most four times that. 0 for CoDel's own
	}{
		{"idle", leafRates{}, 0},
		{"four downloads at 20 Mbit/s", leafRates{packets: 1600, queues: 2}, 0},
		{"four downloads at 1 Mbit/s", leafRates{packets: 120, queues: 4}, 100 * time.Millisecond},
		{"500 at 80 Mbit/s", leafRates{packets: 6600, queues: 500}, 227 * time.Millisecond},
		{"500 at 14 Mbit/s", leafRates{packets: 1150, queues: 500}, 638 * time.Millisecond},
		{"a leaf that hardly moves", leafRates{packets: 0.1, queues: 8192}, 638 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s strain
			p := s.afterLooks(1, test.leaf).patience[3]
			got := time.Duration(p.target()) * time.Microsecond
			if test.target == 0 && p != 0 || test.target > 0 && (got < test.target || got > 4*test.target) {
				t.Errorf("target %v, want at least %v", got, test.target)
			}
			if p = s.afterLooks(30, leafRates{}).patience[3]; p != 0 {
				t.Errorf("a leaf that holds nothing waits for %v yet", time.Duration(p.target())*time.Microsecond)
			}
		})
	}
}
