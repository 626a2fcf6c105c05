package shaper

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/slice"
)

const strained = 100 * slice.Mbit

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
			got := s.afterLooks(20, leafRates{arrived: test.arrived * 1e6, dropped: test.dropped * 1e6}).narrowed
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

// On a slow link a look sees few packets, and one more or less is no queue.
func TestAPacketMoreIsNoQueue(t *testing.T) {
	const link = slice.Mbit
	var s strain
	for i := range 100 {
		wobble := 1e6 + float64(1-i%2*2)*2*fullFrame*8*4 // two frames in a quarter of a second
		if s.see(link, map[slice.ID]leafRates{3: {arrived: wobble}}, time.Second/4) {
			t.Fatalf("look %d narrows the tree by %s", i, s.answer.narrowed)
		}
	}
}

// What changes little is not written again, look by look.
func TestSteadyDropsAreWrittenOnce(t *testing.T) {
	var s strain
	for i := range 120 {
		wobble := 10e6 + float64(i%3-1)*500e3
		if s.see(strained, map[slice.ID]leafRates{3: {dropped: wobble}}, time.Second) && i >= 20 {
			t.Fatalf("look %d changes the tree, by %s", i, s.answer.narrowed)
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

// Best effort alone is narrower, on a link that is configured anew too by no more than half; what is sure of its rate keeps it.
func TestBestEffortGivesWay(t *testing.T) {
	cfg := Config{Slices: fourSlices(t), Uplinks: []Uplink{{Name: "fibre", Interface: "wan0", Download: 20 * slice.Mbit, Upload: 10 * slice.Mbit}}}
	env := Env{Interfaces: fieldInterfaces(), FQCoDel: true}
	before, err := Desired(cfg, env)
	must(t, err)
	cfg.Uplinks[0].reaction = reaction{narrowed: 50 * slice.Mbit}
	after, err := Desired(cfg, env)
	must(t, err)
	changed := make(map[ID][2]slice.Rate) // guaranteed, at most
	for id, o := range after.Objects {
		if c, ok := o.(Class); ok && !alike(c, before.Objects[id]) {
			changed[id] = [2]slice.Rate{slice.Rate(c.HTB.Rate.BytesPerSecond * 8), slice.Rate(c.HTB.Ceil.BytesPerSecond * 8)}
		} else if !alike(o, before.Objects[id]) {
			t.Errorf("changed: %s", describe(o.params()))
		}
	}
	want := map[ID][2]slice.Rate{
		{ClassObject, "ifb-fibre", linkClass}:     {10 * slice.Mbit, 10 * slice.Mbit},
		{ClassObject, "ifb-fibre", innerClass(2)}: {floorRate, 10 * slice.Mbit}, // 7 Mbit/s before
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("rates of classes (-want +got):\n%s", diff)
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
