package doctor

import (
	"fmt"
	"strings"
)

// offloadChecks ask for what carries packets past traffic control, and so past the slices.
var offloadChecks = []check{
	{name: "flowtable", well: "no flow offload in the firewall's rules", root: true, looks: lookFlowtables},
	{name: "hw-tc-offload", well: "no card forwards by itself", asks: configured, looks: lookHardware},
	{name: "xdp", well: "no XDP program is before us", asks: configured, looks: lookXDP},
}

func lookFlowtables(b *box) ([]finding, error) {
	tables, err := b.flowtables()
	if err != nil {
		return nil, err
	}
	var list []finding
	for _, t := range tables {
		what := fmt.Sprintf("nft flowtable %s in table %s %s (%s): ", t.name, t.family, t.table, strings.Join(t.devices, ", "))
		if t.hardware {
			what += "hardware forwards its connections, past all slices"
		} else {
			what += "its connections skip what is above their cards: a bridge, VLAN or PPPoE interface with our hooks sees them no more"
		}
		list = append(list, finding{what, fmt.Sprintf(
			"delete the rules that say \"flow add @%s\", and: nft delete flowtable %s %s %s (OpenWrt: flow_offloading 0 in /etc/config/firewall)",
			t.name, t.family, t.table, t.name)})
	}
	return list, nil
}

func lookHardware(b *box) ([]finding, error) {
	const feature = "hw-tc-offload"
	var list []finding
	for _, device := range b.present() {
		name := device.Attrs().Name
		on, err := b.features(name)
		if err != nil {
			return list, err
		}
		if on[feature] {
			list = append(list, finding{
				what: fmt.Sprintf("%s: %s is on: the card may forward packets by itself, past all slices", name, feature),
				do:   fmt.Sprintf("ethtool -K %s %s off", name, feature),
			})
		}
	}
	return list, nil
}

func lookXDP(b *box) ([]finding, error) {
	var list []finding
	for _, device := range b.present() {
		a := device.Attrs()
		if a.Xdp == nil || !a.Xdp.Attached {
			continue
		}
		list = append(list, finding{
			what: fmt.Sprintf("%s: XDP program %d runs before everything: packets that it redirects or answers are in no slice", a.Name, a.Xdp.ProgId),
			do:   fmt.Sprintf("if it redirects: stop the program that attached it, or ip link set %s xdp off", a.Name),
		})
	}
	return list, nil
}
