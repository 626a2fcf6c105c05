package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/nettest"
)

// Wire is a box with NAT between two hosts and nothing that slows it down:
//
//	venue eth0 ─ br0 [box, NAT] wan ─ eth0 far
//
// Addresses behind the venue (crowdNet) and behind the far host (farPeer) are of nobody: packets are made and swallowed by the kernel.
type Wire struct {
	Venue, Box, Far *demo.Host

	undo func() error
}

const (
	crowdNet = "10.9.0.0/16"
	farPeer  = "203.0.113.9"
	boxWAN   = "198.51.100.2"
	farGate  = "198.51.100.1"
	boxVenue = "192.0.2.1"
	venueEnd = "192.0.2.2"
	hostPort = "eth0" // of both hosts
)

// fast is a rate, in bit/s, that no box of these can carry: the processor is the limit.
const fast = 10e9

// NewWire makes a wire with a treatment on its box. Its caller closes it.
func NewWire(ctx context.Context, t Treatment) (_ *Wire, err error) {
	w := &Wire{undo: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("build wire: %w", err), w.Close())
		}
	}()
	for _, h := range []**demo.Host{&w.Venue, &w.Box, &w.Far} {
		ns, err := nettest.New()
		if err != nil {
			return nil, err
		}
		*h = &demo.Host{NS: ns}
	}
	w.Venue.V4, w.Far.V4 = netip.MustParseAddr(venueEnd), netip.MustParseAddr(farGate)
	for _, step := range []func() error{
		func() error { return nettest.Veth(w.Venue.NS, hostPort, w.Box.NS, demo.VenueInterface) },
		func() error { return nettest.Veth(w.Box.NS, demo.UplinkInterface, w.Far.NS, hostPort) },
		func() error { return w.Venue.Addr(hostPort, venueEnd+"/24") },
		func() error { return w.Box.Addr(demo.VenueInterface, boxVenue+"/24") },
		func() error { return w.Box.Addr(demo.UplinkInterface, boxWAN+"/24") },
		func() error { return w.Far.Addr(hostPort, farGate+"/24") },
		func() error { return w.Venue.Route("default", boxVenue) },
		func() error { return w.Box.Route("default", farGate) },
		func() error { return w.Box.Route(crowdNet, venueEnd) },
		w.Box.Forward,
		func() error { return w.Box.Masquerade(demo.UplinkInterface) },
		// What is measured must not lose its mappings to a clock that runs by instructions.
		func() error { return w.Box.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "3600") },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	undo, err := t.apply(ctx, w.Box, fast)
	if err == nil {
		w.undo = undo
	}
	return w, err
}

// Leave takes the treatment's agent away, if it has one. What the kernel has of it stays.
func (w *Wire) Leave() error {
	undo := w.undo
	w.undo = func() error { return nil }
	return undo()
}

// Close takes the wire away.
func (w *Wire) Close() error {
	errs := []error{w.undo()}
	for _, h := range []*demo.Host{w.Venue, w.Box, w.Far} {
		if h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}

// swallow has a host's interface drop every IPv4 packet as soon as it arrives.
func swallow(h *demo.Host, ifname string) error {
	for _, command := range []string{
		"qdisc replace dev %dev clsact",
		"filter replace dev %dev ingress protocol ip pref 1 handle 1 matchall action drop",
	} {
		if err := run(h.NS, "tc", strings.ReplaceAll(command, "%dev", ifname)); err != nil {
			return err
		}
	}
	return nil
}

// hardware gives an interface's MAC address.
func hardware(h *demo.Host, ifname string) (net.HardwareAddr, error) {
	link, err := h.Links().LinkByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", ifname, err)
	}
	return link.Attrs().HardwareAddr, nil
}

// received counts the packets that an interface has taken in.
func received(h *demo.Host, ifname string) (uint64, error) {
	link, err := h.Links().LinkByName(ifname)
	if err != nil {
		return 0, fmt.Errorf("find interface %s: %w", ifname, err)
	}
	return link.Attrs().Statistics.RxPackets, nil
}
