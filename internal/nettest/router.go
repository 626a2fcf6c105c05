package nettest

import "fmt"

// Forward makes n a router of both families.
func (n *NS) Forward() error {
	for _, key := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		if err := n.Sysctl(key, "1"); err != nil {
			return err
		}
	}
	return nil
}

// Masquerade hides what leaves by the interface out behind n's own address, in both families.
func (n *NS) Masquerade(out string) error {
	const rules = `
table inet nettest {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname %q masquerade
	}
}
`
	_, err := n.run(fmt.Sprintf(rules, out), "nft", "-f", "-")
	return err
}
