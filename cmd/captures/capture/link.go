package capture

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/nettest"
)

// wire joins a host to the box by what looks like a cable: known hardware addresses, no offload.
func wire(box *nettest.NS, port string, h *host, n int) error {
	// Router solicitations and multicast reports of interfaces that come up are not what anybody runs for.
	err := errors.Join(
		h.Sysctl("net.ipv6.conf.default.router_solicitations", "0"),
		h.Sysctl("net.ipv6.conf.default.addr_gen_mode", "1"),
		box.Sysctl("net.ipv6.conf.default.addr_gen_mode", "1"),
		nettest.Veth(box, port, h.NS, "eth0"),
	)
	if err != nil {
		return err
	}
	return errors.Join(plain(box, port, byte(n), 1), plain(h.NS, "eth0", byte(n), 2))
}

// offloads are what would merge packets, or leave checksums out.
var offloads = []string{"tx", "rx", "tso", "gso", "gro"}

func plain(ns *nettest.NS, ifname string, network, number byte) error {
	link, err := ns.Links().LinkByName(ifname)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", ifname, err)
	}
	address := net.HardwareAddr{0x02, 0, 0, 0, network, number}
	if err := ns.Links().LinkSetHardwareAddr(link, address); err != nil {
		return fmt.Errorf("set hardware address of %s: %w", ifname, err)
	}
	// The link-local address that follows from it, which went with the mode that makes none at start.
	local := fmt.Sprintf("fe80::%d:%d/64", network, number)
	if err := ns.Addr(ifname, local); err != nil {
		return err
	}
	args := []string{"-K", ifname}
	for _, what := range offloads {
		args = append(args, what, "off")
	}
	_, err = ns.Output("ethtool", args...)
	return errors.Join(err, slow(ns, link))
}

// A link's rate in bytes a second, and how far it gets ahead of it: as slow as links at events are, so that nothing is lost
// between kernel and capture.
const (
	linkRate  = 20_000_000 / 8
	linkBurst = 5000
	linkQueue = 300_000
)

func slow(ns *nettest.NS, link netlink.Link) error {
	attrs := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)}
	ticks := netlink.Xmittime(linkRate, linkBurst)
	err := ns.Links().QdiscReplace(&netlink.Tbf{QdiscAttrs: attrs, Rate: linkRate, Limit: linkQueue, Buffer: ticks})
	if err != nil {
		return fmt.Errorf("slow %s down: %w", link.Attrs().Name, err)
	}
	return nil
}
