package shaper

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// link makes, mends or removes an ifb.
func (w writer) link(op Op, o Link) error {
	switch op {
	case Add:
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.Group = o.Dev, o.MTU, ifbGroup
		if o.Splits {
			attrs.TxQLen = splitterQueue
		}
		if err := w.links.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
			return fmt.Errorf("add link %s: %w", o.Dev, err)
		}
	case Delete:
		link, err := w.links.LinkByName(o.Dev)
		if err != nil {
			return notFound(err)
		}
		if err := w.links.LinkDel(link); err != nil {
			return fmt.Errorf("delete link %s: %w", o.Dev, err)
		}
		return nil
	}
	return w.mendLink(o)
}

// mendLink gives an ifb that is there what it should have, up last.
func (w writer) mendLink(o Link) error {
	link, err := w.links.LinkByName(o.Dev)
	if err != nil {
		return notFound(err)
	}
	a := link.Attrs()
	w.index[o.Dev] = a.Index
	if a.MTU != o.MTU {
		if err := w.links.LinkSetMTU(link, o.MTU); err != nil {
			return fmt.Errorf("set mtu of %s: %w", o.Dev, err)
		}
	}
	if (a.GSOMaxSegs == 1) != o.Splits {
		segments := mostSegments
		if o.Splits {
			segments = 1
		}
		if err := w.links.LinkSetGSOMaxSegs(link, segments); err != nil {
			return fmt.Errorf("set gso_max_segs of %s: %w", o.Dev, err)
		}
	}
	if a.Alias != ifbAlias {
		if err := w.links.LinkSetAlias(link, ifbAlias); err != nil {
			return fmt.Errorf("set alias of %s: %w", o.Dev, err)
		}
	}
	// An ifb with an address of its own would send, and count, what nobody asked for. Without IPv6 there is nothing to stop.
	_ = w.links.LinkSetIP6AddrGenMode(link, addrGenNone)
	if err := w.links.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", o.Dev, err)
	}
	return nil
}

const (
	addrGenNone  = 1     // IN6_ADDR_GEN_MODE_NONE
	mostSegments = 65535 // GSO_MAX_SEGS, which an interface begins with

	// splitterQueue is how many packets may wait in an ifb that splits until its tasklet runs: what a processor takes from its cards at once.
	// An ifb has 32 by default, and in one that downloads go through our own queues wait instead.
	splitterQueue = 1000
)

// notFound makes the library's own error one that unwraps to the kernel's.
func notFound(err error) error {
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w: %w", err, unix.ENODEV)
	}
	return err
}
