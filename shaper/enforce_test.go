package shaper

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
)

// unfitting is cfg with more subnets than fit.
func unfitting(cfg Config) Config {
	e := Experience{Name: "stall-4", Number: 4}
	for i := range bpf.MaxPrefixes + 1 {
		e.Subnets = append(e.Subnets, netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 0}), 24))
	}
	cfg.Experiences = []Experience{e}
	return cfg
}

// What can't be set leaves the programs to what they followed before, also where another agent set that.
func TestRefusedConfigurationChangesNothing(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	first := b.unrun()
	must(t, first.Set(t.Context(), cfg))
	before := settings(t, first.set)
	check := func(s *Shaper) {
		t.Helper()
		if err := s.Set(t.Context(), unfitting(cfg)); err == nil || errors.Is(err, ErrUnfinished) {
			t.Errorf("set: %v", err)
		}
		now := settings(t, s.set)
		now.Generation = before.Generation
		if diff := cmp.Diff(before, now); diff != "" {
			t.Errorf("settings (-before +after)\n%s", diff)
		}
	}
	check(first)
	check(b.unrun())
}

// Who does not wait any longer before the work begins has changed nothing.
func TestSetWithoutTimeChangesNothing(t *testing.T) {
	b := newBox(t)
	s := b.unrun()
	must(t, s.Set(t.Context(), b.config()))
	before := settings(t, s.set)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := b.config()
	cfg.Slices[1].Default, cfg.Slices[2].Default = true, false
	if err := s.Set(ctx, cfg); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnfinished) {
		t.Errorf("set: %v", err)
	}
	if diff := cmp.Diff(before, settings(t, s.set)); diff != "" {
		t.Errorf("settings (-before +after)\n%s", diff)
	}
	if s.config().Slices[1].Default {
		t.Error("the configuration is another")
	}
}
