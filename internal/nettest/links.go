package nettest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Links is a route netlink handle inside n, open until n is closed.
func (n *NS) Links() *netlink.Handle { return n.links }

// Veth joins a and b by a pair of interfaces, both up. a and b may be the same namespace.
func Veth(a *NS, aName string, b *NS, bName string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = aName
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: bName, PeerNamespace: netlink.NsFd(b.Fd())}
	if err := a.links.LinkAdd(veth); err != nil {
		return fmt.Errorf("add veth %s-%s: %w", aName, bName, err)
	}
	return errors.Join(a.up(aName), b.up(bName))
}

// Bridge makes a bridge of the given ports and brings them all up.
func (n *NS) Bridge(name string, ports ...string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := n.links.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge %s: %w", name, err)
	}
	for _, port := range ports {
		link, err := n.link(port)
		if err != nil {
			return err
		}
		if err := n.links.LinkSetMaster(link, bridge); err != nil {
			return fmt.Errorf("add port %s to bridge %s: %w", port, name, err)
		}
		if err := n.up(port); err != nil {
			return err
		}
	}
	return n.up(name)
}

// Addr adds addresses in CIDR notation, usable at once.
func (n *NS) Addr(ifname string, cidrs ...string) error {
	link, err := n.link(ifname)
	if err != nil {
		return err
	}
	for _, cidr := range cidrs {
		addr, err := netlink.ParseAddr(cidr)
		if err != nil {
			return fmt.Errorf("parse address %q: %w", cidr, err)
		}
		if addr.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := n.links.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("add address %s to %s: %w", cidr, ifname, err)
		}
	}
	return nil
}

// Route sends dst ("default", or a prefix) through the router via, of either family.
func (n *NS) Route(dst, via string) error {
	router, err := netip.ParseAddr(via)
	if err != nil {
		return fmt.Errorf("parse router: %w", err)
	}
	prefix, err := parseDst(dst, router)
	if err != nil {
		return fmt.Errorf("parse destination: %w", err)
	}
	to := &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
	if err := n.links.RouteReplace(&netlink.Route{Dst: to, Gw: router.AsSlice()}); err != nil {
		return fmt.Errorf("add route %s via %s: %w", dst, via, err)
	}
	return nil
}

func parseDst(dst string, router netip.Addr) (netip.Prefix, error) {
	switch {
	case dst != "default":
		return netip.ParsePrefix(dst)
	case router.Is4():
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0), nil
}

func (n *NS) link(name string) (netlink.Link, error) {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	return link, nil
}

func (n *NS) up(name string) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	if err := n.links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}
