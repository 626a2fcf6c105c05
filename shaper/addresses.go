package shaper

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
)

// A subscription ends when the kernel has more to say than its buffer holds; the next one begins after this.
const resubscribeAfter = time.Second

// followAddresses keeps pins of all of the box's addresses on those that it has.
func (s *Shaper) followAddresses(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.watchAddresses(ctx); err != nil {
			s.log.Error("follow_addresses_failed", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(resubscribeAfter):
		}
	}
	return nil
}

// watchAddresses returns when the subscription ends.
func (s *Shaper) watchAddresses(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	updates := make(chan netlink.AddrUpdate)
	err := netlink.AddrSubscribeWithOptions(updates, ctx.Done(), netlink.AddrSubscribeOptions{Namespace: &s.netns})
	if err != nil {
		cancel()
		return fmt.Errorf("watch addresses: %w", err)
	}
	defer func() { // the library's reader ends when its socket is closed, and may wait for us until then
		cancel()
		for range updates {
			continue
		}
	}()
	for ok := true; ok; _, ok = <-updates {
		if err := s.readAddresses(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shaper) readAddresses() error {
	list, err := s.links.AddrList(nil, netlink.FAMILY_ALL)
	for try := 1; errors.Is(err, netlink.ErrDumpInterrupted) && try < 5; try++ {
		list, err = s.links.AddrList(nil, netlink.FAMILY_ALL)
	}
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	var own []netip.Addr
	for _, a := range list {
		if addr, ok := netip.AddrFromSlice(a.IP); ok {
			own = append(own, addr.Unmap())
		}
	}
	s.mindPins(s.pins.follow(own))
	return nil
}

// mindPins says that pins could not follow the addresses: keepBooks has them try again.
func (s *Shaper) mindPins(err error) {
	if err != nil {
		s.log.Error("pins_behind_addresses", "error", err)
	}
}
