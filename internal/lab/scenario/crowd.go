package scenario

import (
	"fmt"
	"net/netip"

	"github.com/slicegate/slicegate/internal/demo"
)

// crowdPrefix is where a crowd's devices are.
const crowdPrefix = "10.32.0.0/16"

// crowdSettings are the agent's for a venue where a router stands between: devices are addresses.
const crowdSettings = `devices = "address"`

// crowd gives n devices behind a router, the last attendee. To the box they are addresses behind one MAC. They share the router's
// namespace, all of whose loopback prefix is local: five hundred namespaces would cost the emulated processor minutes.
func (s *Site) crowd(n int) (devices []*demo.Host, err error) {
	router := s.venue.Attendees[len(s.venue.Attendees)-1]
	prefix := netip.MustParsePrefix(crowdPrefix)
	if err := router.Addr("lo", crowdPrefix); err != nil {
		return nil, err
	}
	if err := s.venue.Box.Route(crowdPrefix, router.V4.String()); err != nil {
		return nil, fmt.Errorf("route to the crowd: %w", err)
	}
	addr := prefix.Addr()
	for range n {
		addr = addr.Next()
		devices = append(devices, &demo.Host{NS: router.NS, V4: addr})
	}
	return devices, nil
}

// behindRouter is ours where devices are addresses, with either leaf; "ours" is what auto chooses, fq_codel.
func behindRouter(agent **demo.Agent) []Treatment {
	return []Treatment{
		ours("ours", demo.Settings{Venue: crowdSettings}, agent),
		ours("ours, cake leaf", demo.Settings{Venue: crowdSettings, Uplink: `leaf = "cake"`}, agent),
	}
}
