package main

import (
	"fmt"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/shaper"
)

// namesOf lists what the kernel has to number.
func namesOf(cfg *config.Config) (slices, uplinks, experiences []string) {
	for _, s := range cfg.Slices {
		slices = append(slices, s.Name)
	}
	for _, u := range cfg.Uplinks {
		uplinks = append(uplinks, u.Name)
	}
	for _, e := range cfg.Experiences {
		experiences = append(experiences, e.Name)
	}
	return slices, uplinks, experiences
}

// shaperConfig gives the shaper's part of a valid configuration.
func shaperConfig(cfg *config.Config, n shaper.Numbers) (shaper.Config, error) {
	out := shaper.Config{Venue: shaper.Venue{
		Interfaces: cfg.Venue.Interfaces,
		ByAddress:  cfg.Venue.ByAddress,
		WriteDSCP:  cfg.Venue.WriteDSCP,
		TrustDSCP:  cfg.Venue.TrustDSCP,
		MarkMask:   cfg.Venue.MarkMask,
	}}
	for _, u := range cfg.Uplinks {
		uplink, err := shaperUplink(u, n)
		if err != nil {
			return out, err
		}
		out.Uplinks = append(out.Uplinks, uplink)
	}
	for _, s := range cfg.Slices {
		out.Slices = append(out.Slices, shaper.Slice{
			Name: s.Name, ID: n.Slices[s.Name], Priority: s.Priority, Min: s.Min, Max: s.Max, Default: s.Default,
		})
	}
	for _, r := range cfg.Rules {
		out.Rules = append(out.Rules, shaper.Rule{
			Slice:      n.Slices[r.Slice],
			Ports:      portRanges(r.Ports),
			Subnets:    r.Subnets,
			DSCP:       r.DSCP,
			Experience: n.Experiences[r.Experience],
		})
	}
	for _, e := range cfg.Experiences {
		out.Experiences = append(out.Experiences, shaper.Experience{Name: e.Name, Number: n.Experiences[e.Name], Subnets: e.Subnets})
	}
	return out, nil
}

func shaperUplink(u config.Uplink, n shaper.Numbers) (shaper.Uplink, error) {
	leaf, err := shaper.ParseLeaf(string(u.Leaf))
	if err != nil {
		return shaper.Uplink{}, fmt.Errorf("uplink %s: %w", u.Name, err)
	}
	var shares map[slice.ID]shaper.Share
	if len(u.Shares) > 0 {
		shares = make(map[slice.ID]shaper.Share, len(u.Shares))
	}
	for name, share := range u.Shares {
		shares[n.Slices[name]] = shaper.Share(share)
	}
	return shaper.Uplink{
		Name:      u.Name,
		Interface: u.Interface,
		Index:     n.Uplinks[u.Name],
		Download:  u.Download,
		Upload:    u.Upload,
		Overhead:  shaper.Overhead(u.Overhead),
		Adopt:     u.Adopt,
		Leaf:      leaf,
		MSSClamp:  u.MSSClamp,
		Shares:    shares,
	}, nil
}

func portRanges(ports []config.PortRange) []shaper.PortRange {
	var ranges []shaper.PortRange
	for _, p := range ports {
		ranges = append(ranges, shaper.PortRange(p))
	}
	return ranges
}
