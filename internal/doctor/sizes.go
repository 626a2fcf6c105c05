package doctor

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// sizeChecks ask for the sizes of packets, and of what the link adds to them.
var sizeChecks = []check{
	{name: "mtu", well: "the MTUs fit together", root: true, asks: configured, looks: lookMTU},
	{name: "overhead", well: "what the links add to a frame is told", asks: configured, looks: lookOverhead},
}

const (
	ethernetMTU = 1500
	ipv6MTU     = 1280 // RFC 8200, section 5
)

func lookMTU(b *box) ([]finding, error) {
	clamped, err := b.clamped()
	if err != nil {
		return nil, err
	}
	var list []finding
	for _, u := range b.cfg.Uplinks {
		up := b.devices[u.Interface]
		if up == nil {
			continue
		}
		mtu := up.Attrs().MTU
		if mtu > ethernetMTU {
			list = append(list, finding{
				what: fmt.Sprintf("%s: MTU %d: a jumbo frame holds up a call %d times as long as a usual one", u.Interface, mtu, (mtu+ethernetMTU-1)/ethernetMTU),
				do:   fmt.Sprintf("ip link set %s mtu %d", u.Interface, ethernetMTU),
			})
		}
		if mtu < ipv6MTU {
			list = append(list, finding{
				what: fmt.Sprintf("%s: MTU %d: IPv6 does not work below %d", u.Interface, mtu, ipv6MTU),
				do:   fmt.Sprintf("ip link set %s mtu %d, if the provider carries that", u.Interface, ipv6MTU),
			})
		}
		for _, name := range b.cfg.Venues {
			if venue := b.devices[name]; venue != nil && mtu < venue.Attrs().MTU {
				list = append(list, b.narrower(up, venue, clamped)...)
			}
		}
	}
	return list, nil
}

// narrower judges an uplink that carries less than the venue sends.
func (b *box) narrower(up, venue netlink.Link, clamped bool) []finding {
	u, v := up.Attrs(), venue.Attrs()
	if sameBridge(up, venue) {
		return found(fmt.Sprintf("ip link set %s mtu %d", v.Name, u.MTU),
			"%s has MTU %d and %s has %d: their bridge drops larger packets, and nobody is told", u.Name, u.MTU, v.Name, v.MTU)
	}
	if clamped {
		return nil
	}
	return found("clamp the MSS of forwarded connections (nft: tcp flags syn tcp option maxseg size set rt mtu)",
		"%s has MTU %d and %s has %d: connections hang wherever a firewall drops \"packet too big\"", u.Name, u.MTU, v.Name, v.MTU)
}

// lookOverhead finds links whose frames cost more than the shaper is told, or less.
func lookOverhead(b *box) ([]finding, error) {
	var list []finding
	for _, u := range b.cfg.Uplinks {
		device := b.devices[u.Interface]
		if device == nil {
			continue
		}
		switch kind := device.Attrs().EncapType; {
		case kind == "ppp" && u.Overhead == 0:
			list = append(list, finding{
				what: fmt.Sprintf("%s: PPP without overhead: small packets fill the line before the shaper thinks so, and calls queue in the modem", u.Interface),
				do:   `write in the [[uplink]] what the line adds to an IP packet: overhead = "30" for PPPoE over VDSL, "26" over Ethernet`,
			})
		case !ethernetHeader(kind) && u.Preset:
			list = append(list, finding{
				what: fmt.Sprintf("%s: packets have no Ethernet header (%s), which the preset of overhead counts on: the shaper counts 14 bytes too few",
					u.Interface, kind),
				do: fmt.Sprintf(`write bytes instead of the preset: overhead = "%d"`, u.Overhead+14),
			})
		}
	}
	return list, nil
}

func ethernetHeader(encapsulation string) bool {
	return encapsulation == "ether" || encapsulation == "loopback"
}

// sameBridge reports whether both are ports of one bridge.
func sameBridge(a, b netlink.Link) bool {
	return a.Attrs().MasterIndex != 0 && a.Attrs().MasterIndex == b.Attrs().MasterIndex
}
