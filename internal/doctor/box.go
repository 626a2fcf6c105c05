package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	mdnetlink "github.com/mdlayher/netlink"
	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// box is what checks look at: a network namespace, and the host that it is on.
type box struct {
	cfg   Config
	bench *bench // nil where rights lack
	tc    *tcnl.Conn
	links *netlink.Handle
	nft   *mdnetlink.Conn

	devices map[string]netlink.Link // by name
	lacks   []string                // capabilities that this thread does not have
	unasked []string                // checks that therefore nobody made

	// What tests replace.
	release  string                                       // of the kernel, as uname has it
	now      func() time.Time                             // the system clock
	features func(ifname string) (map[string]bool, error) // ethtool's
}

// open takes stock. What a check alone needs, that check asks for.
func open(cfg Config) (*box, error) {
	b := &box{cfg: cfg, devices: make(map[string]netlink.Link), now: time.Now, features: ethtoolFeatures}
	if err := b.open(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *box) open() (err error) {
	if b.lacks, err = lacking(); err != nil {
		return err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("read kernel release: %w", err)
	}
	b.release = unix.ByteSliceToString(name.Release[:])
	if b.tc, err = tcnl.Dial(0); err != nil {
		return err
	}
	if b.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open link netlink: %w", err)
	}
	if b.nft, err = dialNFT(); err != nil {
		return err
	}
	links, err := b.links.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list interfaces: %w", err)
	}
	for _, l := range links {
		b.devices[l.Attrs().Name] = l
	}
	if len(b.lacks) == 0 {
		b.bench, err = newBench()
	}
	return err
}

func (b *box) close() {
	if b.bench != nil {
		b.bench.close()
	}
	if b.nft != nil {
		b.nft.Close()
	}
	if b.links != nil {
		b.links.Close()
	}
	if b.tc != nil {
		b.tc.Close()
	}
}

// present gives those of the venue's and the uplinks' interfaces that are there, each once.
func (b *box) present() []netlink.Link {
	var list []netlink.Link
	seen := make(map[string]bool)
	for _, name := range b.cfg.interfaces() {
		if link := b.devices[name]; link != nil && !seen[name] {
			seen[name] = true
			list = append(list, link)
		}
	}
	return list
}

func (c Config) interfaces() []string {
	var names []string
	for _, u := range c.Uplinks {
		names = append(names, u.Interface)
	}
	return append(names, c.Venues...)
}

// configured is for checks that look at the interfaces of a configuration.
func configured(c Config) bool { return len(c.Uplinks) > 0 }

// sysctl reads a setting such as "net/ipv4/ip_forward"; "" where the kernel does not have it.
func sysctl(key string) (string, error) {
	value, err := os.ReadFile(filepath.Join("/proc/sys", key))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read sysctl: %w", err)
	}
	return strings.TrimSpace(string(value)), nil
}

// ethtoolFeatures asks which features an interface has switched on. One that has no such list has none.
func ethtoolFeatures(ifname string) (map[string]bool, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nil, fmt.Errorf("open ethtool socket: %w", err)
	}
	defer e.Close()
	features, err := e.Features(ifname)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read features of %s: %w", ifname, err)
	}
	return features, nil
}
