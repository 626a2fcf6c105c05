package demo

import (
	"testing"
	"time"
)

// BenchmarkCalls compares the calls' round trips without slicing, with it, and after the agent was killed.
func BenchmarkCalls(b *testing.B) {
	const length, wantRatio = 20 * time.Second, 10
	venue := newVenue(b, DefaultLink)
	agent := newAgent(b, venue)
	d := &demo{venue: venue, live: live{venue: venue}}
	half := func() Half {
		h, err := d.runHalf(b.Context(), length)
		if err != nil {
			b.Fatal(err)
		}
		return h
	}
	for b.Loop() {
		without := half()
		start(b, agent)
		with := half()
		if err := agent.Kill(); err != nil {
			b.Fatal(err)
		}
		orphaned := half()

		for _, way := range []struct {
			name                    string
			without, with, orphaned Part
		}{
			{"up", without.Up, with.Up, orphaned.Up},
			{"down", without.Down, with.Down, orphaned.Down},
		} {
			b.ReportMetric(milliseconds(way.without.Calls.P99), "ms-p99-without-"+way.name)
			for state, part := range map[string]Part{"with": way.with, "killed": way.orphaned} {
				ratio := float64(way.without.Calls.P99) / float64(part.Calls.P99)
				b.ReportMetric(milliseconds(part.Calls.P99), "ms-p99-"+state+"-"+way.name)
				b.ReportMetric(ratio, "times-lower-"+state+"-"+way.name)
				if ratio < wantRatio {
					b.Errorf("%s, %s: p99 is %.1f times lower than without slicing, want %d", way.name, state, ratio, wantRatio)
				}
			}
		}
	}
}
