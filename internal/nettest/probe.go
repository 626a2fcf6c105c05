package nettest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// probes has one function a feature. They run one at a time.
var probes = map[string]func() error{
	"root":     probeRoot,
	"qemu":     probeQemu,
	"netns":    func() error { return scratch(func(*NS) error { return nil }) },
	"veth":     func() error { return scratch(func(n *NS) error { return Veth(n, "a", n, "b") }) },
	"bridge":   func() error { return scratch(func(n *NS) error { return n.Bridge("br") }) },
	"nft":      func() error { return scratch(func(n *NS) error { return n.Masquerade("lo") }) },
	"ifb":      func() error { return probeLink(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "probe"}}) },
	"tun":      probeTun,
	"htb":      func() error { return probeQdisc("htb", netlink.HANDLE_ROOT) },
	"tbf":      func() error { return probeQdisc("tbf", netlink.HANDLE_ROOT) },
	"fq_codel": func() error { return probeQdisc("fq_codel", netlink.HANDLE_ROOT) },
	"cake":     func() error { return probeQdisc("cake", netlink.HANDLE_ROOT) },
	"netem":    func() error { return probeQdisc("netem", netlink.HANDLE_ROOT) },
	"clsact":   func() error { return probeQdisc("clsact", netlink.HANDLE_CLSACT) },
	"bpf":      probeBPF,
	"btf":      probeBTF,
	"tcx":      probeTCX,

	"br_netfilter": probeBridgeNetfilter,
}

// Features lists the names that Have and Require know.
func Features() []string { return slices.Sorted(maps.Keys(probes)) }

func probeRoot() error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("effective user is %d", uid)
	}
	return nil
}

// probeQemu asks for what emulates a machine, which the lab's guests run in.
func probeQemu() error {
	_, err := exec.LookPath("qemu-system-x86_64")
	return err
}

func probeBTF() error {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	return err
}

func probeBridgeNetfilter() error {
	_, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err
}

func probeLink(link netlink.Link) error {
	return scratch(func(n *NS) error { return n.links.LinkAdd(link) })
}

// probeQdisc asks for a qdisc without options. A kind that the kernel has either takes that or finds it invalid.
func probeQdisc(kind string, parent uint32) error {
	return scratch(func(n *NS) error {
		err := n.addQdisc("lo", kind, parent)
		if errors.Is(err, unix.EINVAL) {
			return nil
		}
		return err
	})
}

func (n *NS) addQdisc(ifname, kind string, parent uint32) error {
	link, err := n.link(ifname)
	if err != nil {
		return err
	}
	attrs := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: parent}
	if err := n.links.QdiscAdd(&netlink.GenericQdisc{QdiscAttrs: attrs, QdiscType: kind}); err != nil {
		return fmt.Errorf("add qdisc %s: %w", kind, err)
	}
	return nil
}

func probeTun() error {
	return scratch(func(n *NS) error {
		return n.Do(func() error {
			tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer tun.Close()
			req, err := unix.NewIfreq("probe")
			if err != nil {
				return err
			}
			req.SetUint16(unix.IFF_TUN)
			return unix.IoctlIfreq(int(tun.Fd()), unix.TUNSETIFF, req)
		})
	})
}

// scratch runs fn on a namespace that lives no longer than fn.
func scratch(fn func(*NS) error) error {
	n, err := New()
	if err != nil {
		return err
	}
	return errors.Join(fn(n), n.Close())
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}
