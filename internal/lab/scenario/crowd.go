package scenario

import (
	"fmt"
	"net/netip"
	"slices"

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

// jain is Jain's index of fairness (R. Jain et al., 1984): 1 if all have the same, 1/n if one has everything.
func jain(shares []float64) float64 {
	var sum, squares float64
	for _, x := range shares {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(shares)) * squares)
}

// total and median of rates.
func total(rates []float64) (sum float64) {
	for _, r := range rates {
		sum += r
	}
	return sum
}

func median(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
