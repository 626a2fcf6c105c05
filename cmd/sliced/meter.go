package main

import (
	"context"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/shaper"
)

// Measure implements api.Meter.
func (a *agent) Measure(context.Context) (api.Measurements, error) {
	cfg := a.current()
	m, err := a.shaper.Measure(false)
	if err != nil {
		return api.Measurements{}, err
	}
	names := namesByNumber(cfg)
	out := api.Measurements{Classified: make(map[string]uint64), Reconciles: a.shaper.Reconciler().Reconciles()}
	for _, s := range m.Slices {
		addSlice(&out, s, names)
	}
	for _, l := range m.Links {
		if l.Rate > 0 {
			out.Rates = append(out.Rates, api.LinkRate{
				Uplink: names.uplinks[l.Uplink], Direction: l.Direction.String(), BitsPerSecond: uint64(l.Rate - l.Narrowed),
			})
		}
	}
	for rank, n := range m.Classified {
		if rank > int(bpf.RankNone) {
			out.Classified[bpf.Reason(bpf.Rank(rank))] += n
		}
	}
	return out, nil
}

func addSlice(out *api.Measurements, s shaper.SliceMeasurement, n numberNames) {
	uplink, direction, name := n.uplinks[s.Uplink], s.Direction.String(), n.slices[s.Slice]
	for number, payer := range n.experiences {
		c := s.ByPayer[number]
		if number != 0 && c == (shaper.Count{}) {
			continue
		}
		out.Counts = append(out.Counts, api.Count{
			Uplink: uplink, Direction: direction, Slice: name, Experience: payer, Bytes: c.Bytes, Packets: c.Packets,
		})
	}
	out.Drops = append(out.Drops, api.Drops{Uplink: uplink, Direction: direction, Slice: name, Packets: s.Drops})
	if s.Delays == nil {
		return
	}
	h := api.DelayHistogram{Uplink: uplink, Direction: direction, Slice: name, SumSeconds: s.Delays.Sum.Seconds()}
	for i, count := range s.Delays.Buckets {
		if count > 0 {
			_, high := bpf.BucketBounds(i)
			h.Buckets = append(h.Buckets, api.DelayBucket{UpToSeconds: high.Seconds(), Count: count})
		}
	}
	out.Delays = append(out.Delays, h)
}
