package demo

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

// BenchmarkRetune changes slices 20 times a second for 30 s, beneath a probe stream in each direction.
func BenchmarkRetune(b *testing.B) {
	r := newRig(b)
	changes := []client.SliceChange{
		{Name: "media", Max: "60%"}, {Name: "realtime", Max: "70%"}, {Name: "telemetry", Max: "50%"},
		{Name: "media", Max: "100%"}, {Name: "realtime", Max: "80%"}, {Name: "telemetry", Max: "100%"},
	}
	for b.Loop() {
		r.underLoad(b, func(ctx context.Context) error {
			up, down, err := r.venue.Sequences(ctx, func(ctx context.Context) error {
				return r.retune(ctx, b, changes)
			})
			if err != nil {
				return err
			}
			judge(b, up, Up)
			judge(b, down, Down)
			return nil
		})
	}
}

// retune makes changes in turn, 20 a second for 30 s. One that is late is followed the sooner by the next.
func (r *rig) retune(ctx context.Context, b *testing.B, changes []client.SliceChange) error {
	const perSecond, length = 20, 30 * time.Second
	const changeEvery = time.Second / perSecond
	began := time.Now()
	for n := range int(length / changeEvery) {
		if !pause(ctx, time.Until(began.Add(time.Duration(n)*changeEvery))) {
			return ctx.Err()
		}
		if err := r.agent.SetSlice(ctx, changes[n%len(changes)]); err != nil {
			return err
		}
	}
	pause(ctx, time.Until(began.Add(length)))
	took := time.Since(began)
	b.ReportMetric(perSecond*length.Seconds()/took.Seconds(), "changes/s")
	if took > length+length/20 {
		b.Errorf("the changes of %s took %s: too few a second", length, took)
	}
	return nil
}

// judge reports what became of a probe stream. A busy machine holds some packets up by itself, 4 to 12 ms where nothing happens, so the
// longest is for the lab to judge. What each of 20 changes a second held up for more than the bound and half a millisecond is in p99.
func judge(b *testing.B, p *Sequence, way Direction) {
	const bound = 2 * time.Millisecond
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
}

// readyBound is what an agent may take from its start until it is ready.
const readyBound = time.Second

// BenchmarkKillAndRestart kills the agent under load and starts it again, beneath a probe stream in each direction.
func BenchmarkKillAndRestart(b *testing.B) {
	const before, dead, after = 2 * time.Second, 5 * time.Second, 3 * time.Second
	r := newRig(b)
	for b.Loop() {
		r.underLoad(b, func(ctx context.Context) error {
			old, err := r.agent.Status(ctx)
			if err != nil {
				return err
			}
			up, down, err := r.venue.Sequences(ctx, func(ctx context.Context) error {
				pause(ctx, before)
				if err := r.agent.Kill(); err != nil {
					return err
				}
				pause(ctx, dead)
				began := time.Now()
				if err := r.agent.Start(ctx); err != nil {
					return err
				}
				ready := time.Since(began)
				b.ReportMetric(milliseconds(ready), "ms-to-ready")
				if ready > readyBound {
					b.Errorf("ready in %s, want at most %s", ready, readyBound)
				}
				pause(ctx, after)
				return nil
			})
			if err != nil {
				return err
			}
			judge(b, up, Up)
			judge(b, down, Down)
			now, err := r.agent.Status(ctx)
			if err != nil {
				return err
			}
			sent := map[string]uint64{"up": uint64(up.Sent()), "down": uint64(down.Sent())}
			b.ReportMetric(float64(sent["up"]), "probes-up")
			return wentOn(old, now, sent)
		})
	}
}

// wentOn says which counter began anew, or missed probes, between two looks at the status.
func wentOn(old, now client.Status, probes map[string]uint64) error {
	for i, s := range now.Slices {
		was := old.Slices[i]
		want := was.Packets
		if s.Name == "realtime" {
			want += probes[s.Direction] - 1 // it takes a second packet to know RTP
		}
		if s.Bytes < was.Bytes || s.Packets < want || s.Drops < was.Drops {
			return fmt.Errorf("%s %s: %d packets, %d drops; want at least %d, %d", s.Direction, s.Name, s.Packets, s.Drops, want, was.Drops)
		}
	}
	return nil
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
