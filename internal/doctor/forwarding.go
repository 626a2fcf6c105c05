package doctor

import (
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forwardingChecks ask whether packets find their way through the box at all.
var forwardingChecks = []check{
	{name: "forwarding", well: "the box forwards packets", asks: configured, looks: lookForwarding},
	{name: "rp_filter", well: "answers may come by any uplink", looks: lookReversePath,
		asks: func(c Config) bool { return len(c.Uplinks) > 1 }},
	{name: "bridge", well: "no bridge carries packets past our hooks", asks: configured, looks: lookBridge},
}

// lookForwarding asks nothing of a box that only bridges.
func lookForwarding(b *box) ([]finding, error) {
	if !b.routes() {
		return nil, nil
	}
	var list []finding
	families := []struct{ key, name string }{{"net/ipv4/ip_forward", "IPv4"}}
	ipv6, err := b.venueHasIPv6()
	if err != nil {
		return nil, err
	}
	if ipv6 {
		families = append(families, struct{ key, name string }{"net/ipv6/conf/all/forwarding", "IPv6"})
	}
	for _, family := range families {
		value, err := sysctl(family.key)
		if err != nil {
			return list, err
		}
		if value == "0" {
			list = append(list, finding{
				what: fmt.Sprintf("the box does not forward %s: the venue has no Internet", family.name),
				do:   fmt.Sprintf("sysctl -w %s=1, and write it to /etc/sysctl.d/ so that it stays", family.key),
			})
		}
	}
	return list, nil
}

// routes reports whether an uplink and a venue interface that are there are not ports of one bridge.
func (b *box) routes() bool {
	for _, u := range b.cfg.Uplinks {
		for _, name := range b.cfg.Venues {
			up, venue := b.devices[u.Interface], b.devices[name]
			if up != nil && venue != nil && !sameBridge(up, venue) {
				return true
			}
		}
	}
	return false
}

// venueHasIPv6 reports whether the venue's devices may think so: the box has more than a link-local address there.
func (b *box) venueHasIPv6() (bool, error) {
	for _, name := range b.cfg.Venues {
		device := b.devices[name]
		if device == nil {
			continue
		}
		addrs, err := b.links.AddrList(device, netlink.FAMILY_V6)
		if err != nil {
			return false, fmt.Errorf("list addresses of %s: %w", name, err)
		}
		for _, a := range addrs {
			if a.IP.IsGlobalUnicast() && a.Scope == unix.RT_SCOPE_UNIVERSE && a.IPNet.IP.To4() == nil {
				return true, nil
			}
		}
	}
	return false, nil
}

// strict is the rp_filter that takes a packet only from the interface by which its answer would go (RFC 3704, section 2.2).
const strict = 1

// lookReversePath finds uplinks on which the kernel drops what the other uplink's connections get back. The kernel takes the larger
// of two settings.
func lookReversePath(b *box) ([]finding, error) {
	var list []finding
	for _, u := range b.cfg.Uplinks {
		if b.devices[u.Interface] == nil {
			continue
		}
		key := "net/ipv4/conf/" + u.Interface + "/rp_filter"
		mode := 0
		for _, key := range []string{"net/ipv4/conf/all/rp_filter", key} {
			value, err := sysctl(key)
			if err != nil {
				return list, err
			}
			if n, err := strconv.Atoi(value); err == nil {
				mode = max(mode, n)
			}
		}
		if mode == strict {
			list = append(list, finding{
				what: fmt.Sprintf("%s: rp_filter is strict, and there are %d uplinks: what comes back by another uplink than it would be sent is dropped",
					u.Interface, len(b.cfg.Uplinks)),
				do: fmt.Sprintf("sysctl -w %s=2, and write it to /etc/sysctl.d/ so that it stays", key),
			})
		}
	}
	return list, nil
}

// lookBridge looks at uplinks that are ports of a bridge: what is bridged passes the hooks of ports, and no others.
func lookBridge(b *box) ([]finding, error) {
	var list []finding
	bridged := false
	for _, u := range b.cfg.Uplinks {
		up := b.devices[u.Interface]
		for _, name := range b.cfg.Venues {
			venue := b.devices[name]
			if up == nil || venue == nil {
				continue
			}
			bridged = bridged || sameBridge(up, venue)
			if up.Attrs().MasterIndex == venue.Attrs().Index {
				list = append(list, finding{
					what: fmt.Sprintf("uplink %s is a port of the venue's bridge %s: bridged packets pass no hook of %[2]s, and are not told apart",
						u.Interface, name),
					do: fmt.Sprintf("in [venue] interfaces, name the bridge's other ports instead of %s", name),
				})
			}
		}
	}
	if !bridged {
		return list, nil
	}
	for _, key := range []string{"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"} {
		value, err := sysctl(key)
		if err != nil {
			return list, err
		}
		if value == "1" {
			list = append(list, finding{
				what: fmt.Sprintf("%s is on: the firewall's rules for forwarded packets see bridged ones too, and may drop them or overwrite who pays", key),
				do:   fmt.Sprintf("unless rules are meant so: sysctl -w %s=0, and write it to /etc/sysctl.d/ so that it stays", key),
			})
		}
	}
	return list, nil
}
