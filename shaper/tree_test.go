package shaper

import (
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Two clamped segments in one packet are longer than a leaf lets through whole, with whatever headers.
func TestClampedSegmentsDoNotPair(t *testing.T) {
	for _, header := range []int{20 + 20, 14 + 20 + 20, 40 + 20} {
		for _, mtu := range []int{1492, 1500} {
			if pair := 2 * (header + slowSegment); pair <= mtu+burstMargin {
				t.Errorf("headers of %d, MTU %d: a pair has %d bytes, and a leaf passes %d", header, mtu, pair, mtu+burstMargin)
			}
		}
	}
}

// An interface whose MTU is small receives whole Ethernet frames all the same: a leaf of what comes down lets them through.
func TestSmallMTUReceivesWholeFrames(t *testing.T) {
	s, err := Desired(fieldConfig(t), Env{FQCoDel: true, Interfaces: map[string]Interface{"wan0": {Index: 1, MTU: 1280, Up: true, Ethernet: true}}})
	must(t, err)
	bursts := make(map[string]uint32)
	for _, o := range s.Objects {
		if q, ok := o.(Qdisc); ok {
			if leaf, ok := q.Options.(tcnl.TBF); ok {
				bursts[q.Dev] = leaf.Burst
			}
		}
	}
	if bursts["wan0"] != 1280+burstMargin || bursts["ifb-fibre"] != 1500+burstMargin {
		t.Errorf("bursts %v", bursts)
	}
}

// What no slice is sure of is the first's in line up to its cap, then the next one's; none is made up, and minima stay.
func TestSpareRateIsTheFirstsInLine(t *testing.T) {
	const link = 100 * slice.Mbit
	for _, test := range []struct {
		name                 string
		min, max             [4]string // signalling, realtime, media, telemetry
		signalling, realtime slice.Rate
	}{
		{"reference", [4]string{"5%", "50%", "30%", "5%"}, [4]string{"20%", "80%", "100%", "100%"}, 15 * slice.Mbit, 50 * slice.Mbit},
		{"more than its cap", [4]string{"5%", "30%", "10%", "5%"}, [4]string{"20%", "80%", "100%", "100%"}, 20 * slice.Mbit, 65 * slice.Mbit},
		{"more than both caps", [4]string{"5%", "10%", "5%", "5%"}, [4]string{"10%", "20%", "100%", "100%"}, 10 * slice.Mbit, 20 * slice.Mbit},
		{"none", [4]string{"10%", "50%", "30%", "10%"}, [4]string{"20%", "80%", "100%", "100%"}, 10 * slice.Mbit, 50 * slice.Mbit},
		{"less than none", [4]string{"10mbit", "50mbit", "50mbit", "10mbit"}, [4]string{"20%", "80%", "100%", "100%"}, 10 * slice.Mbit, 50 * slice.Mbit},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := Config{Slices: fourSlices(t), Uplinks: []Uplink{{Name: "fibre", Interface: "wan0", Upload: link}}}
			for i := range cfg.Slices {
				cfg.Slices[i].Min, cfg.Slices[i].Max = share(t, test.min[i]), share(t, test.max[i])
			}
			desired, err := Desired(cfg, Env{Interfaces: fieldInterfaces()})
			must(t, err)
			for id, want := range map[slice.ID]slice.Rate{cfg.Slices[0].ID: test.signalling, cfg.Slices[1].ID: test.realtime} {
				c, ok := desired.Objects[ID{Kind: ClassObject, Dev: "wan0", Place: sliceClass(id)}].(Class)
				if got := slice.Rate(c.HTB.Rate.BytesPerSecond * 8); !ok || got != want {
					t.Errorf("slice %d: rate %v, want %v", id, got, want)
				}
			}
		})
	}
}

// Slices of one priority have nothing of their own, and still come before a later one, which leaves them what they may borrow.
func TestSpareRateIsNotTakenFromAnEarlierPriority(t *testing.T) {
	cfg := Config{Slices: fourSlices(t), Uplinks: []Uplink{{Name: "fibre", Interface: "wan0", Upload: 100 * slice.Mbit}}}
	cfg.Slices[1].Min = share(t, "20%")
	cfg.Slices = append(cfg.Slices, Slice{Name: "games", ID: 5, Priority: 0, Min: share(t, "5%"), Max: share(t, "60%")})
	desired, err := Desired(cfg, Env{Interfaces: fieldInterfaces()})
	must(t, err)
	c, ok := desired.Objects[ID{Kind: ClassObject, Dev: "wan0", Place: sliceClass(2)}].(Class)
	if got := slice.Rate(c.HTB.Rate.BytesPerSecond * 8); !ok || got != 20*slice.Mbit {
		t.Errorf("realtime has %v of its own, want 20mbit: games and signalling may have the rest first", got)
	}
}
