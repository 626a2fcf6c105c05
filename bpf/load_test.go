package bpf

import (
	"log/slog"
	"testing"
)

var roles = []Role{VenueIngress, UplinkEgress, UplinkIngress, IfbEgress, VenueEgress, LeafHost}

func newSet(t testing.TB) *Set {
	t.Helper()
	s, err := Open(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The verifier must take every program with every constant at either end.
func TestEveryVariantLoads(t *testing.T) {
	s := newSet(t)
	for _, role := range roles {
		for _, v := range []Variant{
			{Role: role},
			{Role: role, RawIP: true, ByAddress: true},
			{Role: role, Uplink: 7, Hook: 63, WriteDSCP: true, Shaped: true, MarkMask: 0xff000000},
			{Role: role, Dry: true},
			{Role: role, Replay: true},
			{Role: role, Shaped: true, Clamp: 500},
			{Role: role, RawIP: true, Shaped: true, WriteDSCP: true, MarkMask: 0xff, Clamp: 500},
			{Role: role, Shaped: true, Fair: true},
			{Role: role, Shaped: true, Fair: true, WriteDSCP: true, MarkMask: 0xff000000, Split: 1600, Clamp: 500},
		} {
			p, err := s.program(v)
			if err != nil {
				t.Errorf("%+v: %+v", v, err)
				continue
			}
			info, err := p.Info()
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := info.VerifiedInstructions(); !ok || n > 50_000 {
				t.Errorf("%+v: the verifier walked %d instructions; a start takes too long above 50000", v, n)
			} else {
				t.Logf("%s: %d instructions verified", role, n)
			}
		}
	}
}
