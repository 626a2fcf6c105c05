package main

import (
	"context"
	"fmt"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/slice"
)

// Explain implements api.Agent.
func (a *agent) Explain(_ context.Context, q api.Question) (api.Explanation, error) {
	cfg := a.current()
	x, err := a.shaper.Explain(slice.Flow{Proto: slice.Proto(q.Proto), Local: q.Src, Remote: q.Dst})
	if err != nil {
		return api.Explanation{}, err
	}
	names := namesByNumber(cfg)
	return api.Explanation{
		Live:            x.Live,
		Slice:           names.slices[x.Slice],
		Kind:            x.Kind,
		Reason:          bpf.Reason(x.Rank),
		Detail:          detail(x.Rank, x.Rule, x.Kind),
		PacketsToSettle: uint64(x.PacketsToSettle),
		Device:          x.Device,
		Experience:      names.experiences[x.Experience],
	}, nil
}

// detail says in words what decided.
func detail(rank bpf.Rank, rule int, kind string) string {
	switch rank {
	case bpf.RankPin:
		return "a service of this box owns the flow"
	case bpf.RankRule:
		return fmt.Sprintf("rule %d of the configuration", rule)
	case bpf.RankStructure:
		return "its packets are " + kind
	case bpf.RankProvisional:
		return "its packets are " + kind + "; it may yet carry media"
	}
	return "nothing recognised it"
}
