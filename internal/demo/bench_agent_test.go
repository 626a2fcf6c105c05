package demo

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkRetune changes slices 20 times a second for 30 s, beneath a probe stream in each direction.
func BenchmarkRetune(b *testing.B) {
	const length = 30 * time.Second
	r := newRig(b)
	for b.Loop() {
		r.judged(b, func(ctx context.Context, books *Books) error {
			changes, err := r.agent.Retune(ctx, length, books)
			if err != nil {
				return err
			}
			b.ReportMetric(changes.PerSecond, "changes/s")
			if changes.PerSecond < 19 {
				b.Errorf("%.1f changes a second, want 20", changes.PerSecond)
			}
			return nil
		})
	}
}

// judged runs fn under load, beneath a probe stream in each direction. A probe that is lost, overtaken or held up fails, and so do books
// that do not go on.
func (r *rig) judged(b *testing.B, fn func(ctx context.Context, books *Books) error) {
	r.underLoad(b, func(ctx context.Context) error {
		var books Books
		if err := books.Look(ctx, r.agent); err != nil {
			return err
		}
		up, down, err := r.venue.Sequences(ctx, func(ctx context.Context) error { return fn(ctx, &books) })
		if err != nil {
			return err
		}
		if err := books.Look(ctx, r.agent); err != nil {
			return err
		}
		for _, words := range books.WentBack() {
			b.Error(words)
		}
		for way, p := range map[Direction]*Sequence{Up: up, Down: down} {
			judge(b, p, way)
			if n := books.Uncounted(way, p); n > 0 {
				b.Errorf("%s: %d of %d probes were not counted", way, n, p.Sent())
			}
		}
		return nil
	})
}

// judge reports what became of a probe stream. A machine holds some packets up by itself, a busy one for 4 to 12 ms where nothing happens,
// so the longest has a wide bound here, and a narrow one in the lab. What each of 20 changes a second holds up is in p99.
func judge(b *testing.B, p *Sequence, way Direction) {
	const bound, longest = 2 * time.Millisecond, 25 * time.Millisecond
	b.ReportMetric(float64(p.Sent()), "probes-"+string(way))
	b.ReportMetric(float64(p.Lost()), "lost-"+string(way))
	b.ReportMetric(float64(p.Reordered()), "reordered-"+string(way))
	b.ReportMetric(milliseconds(p.Growth(0.99)), "ms-p99-growth-"+string(way))
	b.ReportMetric(milliseconds(p.Growth(1)), "ms-max-growth-"+string(way))
	b.ReportMetric(milliseconds(p.SenderGap()), "ms-sender-gap-"+string(way))
	if p.Lost() != 0 || p.Reordered() != 0 {
		b.Errorf("%s: of %d probes %d were lost and %d reordered, want none", way, p.Sent(), p.Lost(), p.Reordered())
	}
	if p.Growth(0.99) > bound {
		b.Errorf("%s: the delay's p99 is %s above its median, want at most %s", way, p.Growth(0.99), bound)
	}
	if p.Growth(1) > longest {
		b.Errorf("%s: a packet was held up for %s, want at most %s", way, p.Growth(1), longest)
	}
}

// readyBound is what an agent may take from its start until it is ready.
const readyBound = time.Second

// BenchmarkKillAndRestart kills the agent under load and starts it again, beneath a probe stream in each direction.
func BenchmarkKillAndRestart(b *testing.B) {
	const before, dead, after = 2 * time.Second, 5 * time.Second, 3 * time.Second
	r := newRig(b)
	for b.Loop() {
		r.judged(b, func(ctx context.Context, books *Books) error {
			pause(ctx, before)
			ready, err := r.agent.KillAndStart(ctx, dead, books)
			if err != nil {
				return err
			}
			b.ReportMetric(milliseconds(ready), "ms-to-ready")
			if ready > readyBound {
				b.Errorf("ready in %s, want at most %s", ready, readyBound)
			}
			pause(ctx, after)
			return nil
		})
	}
}

// BenchmarkIdle takes the agent's start, then its processor time and memory while nothing happens.
func BenchmarkIdle(b *testing.B) {
	const length, ticksPerSecond = 20 * time.Second, 100
	agent := newAgent(b, newVenue(b, wide))
	for b.Loop() {
		began := time.Now()
		start(b, agent)
		ready := time.Since(began)
		time.Sleep(2 * time.Second)
		ticks := processorTicks(b, agent.Pid())
		time.Sleep(length)
		share := float64(processorTicks(b, agent.Pid())-ticks) / ticksPerSecond / length.Seconds() * 100
		memory := residentMB(b, agent.Pid())

		b.ReportMetric(milliseconds(ready), "ms-to-ready")
		b.ReportMetric(share, "%-of-a-core")
		b.ReportMetric(memory, "MB-resident")
		if ready > readyBound || share > 1 || memory > 40 {
			b.Errorf("ready in %s, %.2f %% of a core, %.1f MB; want at most %s, 1 %%, 40 MB", ready, share, memory, readyBound)
		}
	}
}

// processorTicks gives the user and system time of a process, fields 14 and 15 of its stat.
func processorTicks(b *testing.B, pid int) (ticks int) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from field 3 on
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks
}

// residentMB gives the resident memory of a process.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
