package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"runtime"

	"github.com/slicegate/slicegate/internal/nettest"
)

// Interfaces of the box.
const (
	VenueInterface  = "br0"
	UplinkInterface = "wan"
)

// Addresses. The modem's side of the box and the server's network are documentation prefixes.
const (
	venueV4, venueV6   = "10.9.0.", "fd09::"
	uplinkV4, uplinkV6 = "198.51.100.", "2001:db8:1::"
	farV4, farV6       = "203.0.113.", "2001:db8:2::"
)

// firstAttendee is the host number of the first attendee; 1 is the box.
const firstAttendee = 10

// Venue is attendees on a bridge, the box that routes and hides them, the modem with the narrow link, and a server far away:
//
//	attendee ─ port… ┐
//	attendee ─ port… ┴ br0 [box, NAT] wan ─ lan [modem, 20 Mbit/s] net ─ eth0 [server]
type Venue struct {
	Attendees []*Host // each a device with a MAC address of its own
	Box       *Host
	Modem     *Modem
	Server    *Host

	// Seed sets the random moments of probes that are made from then on. No two probes share theirs.
	Seed uint64

	probes uint64 // how many there are
	all    []*nettest.NS
}

// NewVenue makes a venue for n attendees behind the given modem. Its caller closes it.
func NewVenue(n int, link Link) (*Venue, error) {
	v := &Venue{}
	if err := v.build(n, link); err != nil {
		return nil, errors.Join(fmt.Errorf("build venue: %w", err), v.Close())
	}
	return v, nil
}

// Close takes the venue away.
func (v *Venue) Close() error {
	var errs []error
	for _, n := range v.all {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

func (v *Venue) build(n int, link Link) (err error) {
	if v.Box, err = v.host(uplinkV4, uplinkV6, 2); err != nil {
		return err
	}
	modem, err := v.host(uplinkV4, uplinkV6, 1)
	if err != nil {
		return err
	}
	if v.Server, err = v.host(farV4, farV6, 2); err != nil {
		return err
	}
	if err := v.wireUplink(modem); err != nil {
		return err
	}
	if err := v.wireVenue(n); err != nil {
		return err
	}
	if err := addDelay(v.Server, link.Delay); err != nil {
		return err
	}
	v.Modem, err = newModem(modem, link)
	return err
}

// Reconnect brings the box's uplink up after it was down, with the addresses and routes that the kernel took away, as the box's
// network configuration would.
func (v *Venue) Reconnect() error {
	dev, err := v.Box.Links().LinkByName(UplinkInterface)
	if err != nil {
		return fmt.Errorf("reconnect uplink: %w", err)
	}
	if err := v.Box.Links().LinkSetUp(dev); err != nil {
		return fmt.Errorf("reconnect uplink: %w", err)
	}
	return v.addressUplink()
}

// addressUplink gives the box's uplink its addresses and routes.
func (v *Venue) addressUplink() error {
	if err := v.Box.Addr(UplinkInterface, uplinkV4+"2/24", uplinkV6+"2/64"); err != nil {
		return err
	}
	return defaultRoutes(v.Box, uplinkV4+"1", uplinkV6+"1")
}

// host makes a namespace; its addresses are given to an interface when there is one.
func (v *Venue) host(v4, v6 string, number int) (*Host, error) {
	ns, err := nettest.New()
	if err != nil {
		return nil, err
	}
	v.all = append(v.all, ns)
	h := &Host{NS: ns, V4: address(v4, number), V6: address(v6, number)}
	return h, keepOrder(ns)
}

// keepOrder has each flow's packets received by one processor, as a real network card does; veth pairs would let those that
// two processors send overtake each other. Kernels before 6.3 can't.
func keepOrder(ns *nettest.NS) error {
	processors := min(runtime.NumCPU(), 32)
	err := ns.Sysctl("net.core.rps_default_mask", fmt.Sprintf("%x", uint64(1)<<processors-1))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func address(prefix string, number int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("%s%d", prefix, number))
}

// wireUplink joins box, modem and server, and makes routers of the first two.
func (v *Venue) wireUplink(modem *Host) error {
	return firstError(
		func() error { return nettest.Veth(v.Box.NS, UplinkInterface, modem.NS, modemLAN) },
		func() error { return nettest.Veth(modem.NS, modemNet, v.Server.NS, "eth0") },
		func() error { return modem.Addr(modemLAN, uplinkV4+"1/24", uplinkV6+"1/64") },
		func() error { return modem.Addr(modemNet, farV4+"1/24", farV6+"1/64") },
		func() error { return v.Server.Addr("eth0", farV4+"2/24", farV6+"2/64") },
		v.addressUplink,
		func() error { return defaultRoutes(v.Server, farV4+"1", farV6+"1") },
		modem.Forward,
		v.Box.Forward,
		func() error { return v.Box.Masquerade(UplinkInterface) },
	)
}

// wireVenue makes the attendees and the bridge that they are on.
func (v *Venue) wireVenue(n int) error {
	var ports []string
	for i := range n {
		attendee, err := v.host(venueV4, venueV6, firstAttendee+i)
		if err != nil {
			return err
		}
		port := fmt.Sprintf("port%d", i)
		if err := nettest.Veth(attendee.NS, "eth0", v.Box.NS, port); err != nil {
			return err
		}
		v.Attendees = append(v.Attendees, attendee)
		ports = append(ports, port)
	}
	if err := v.Box.Bridge(VenueInterface, ports...); err != nil {
		return err
	}
	if err := v.Box.Addr(VenueInterface, venueV4+"1/24", venueV6+"1/64"); err != nil {
		return err
	}
	for _, attendee := range v.Attendees {
		if err := attendee.Addr("eth0", attendee.V4.String()+"/24", attendee.V6.String()+"/64"); err != nil {
			return err
		}
		if err := defaultRoutes(attendee, venueV4+"1", venueV6+"1"); err != nil {
			return err
		}
	}
	return nil
}

func defaultRoutes(h *Host, v4, v6 string) error {
	if err := h.Route("default", v4); err != nil {
		return err
	}
	return h.Route("default", v6)
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
