package shaper

import (
	"testing"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// A direction is clamped by the program that sees the SYNs of the other one.
func TestSlowDirectionsAreClamped(t *testing.T) {
	tests := []struct {
		name            string
		down, up        slice.Rate
		clamp           bool
		fromIn, fromOut uint16 // in SYNs that come in, and that go out
	}{
		{"both slow", 4 * slice.Mbit, 1 * slice.Mbit, true, 780, 780},
		{"slow upload", 20 * slice.Mbit, 4 * slice.Mbit, true, 780, 0},
		{"slow download", 4 * slice.Mbit, 20 * slice.Mbit, true, 0, 780},
		{"fast", 4*slice.Mbit + 1, 20 * slice.Mbit, true, 0, 0},
		{"off", 0, 0, true, 0, 0},
		{"not wanted", 1 * slice.Mbit, 1 * slice.Mbit, false, 0, 0},
	}
	for _, tt := range tests {
		cfg := fieldConfig(t)
		cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload, cfg.Uplinks[0].MSSClamp = tt.down, tt.up, tt.clamp
		s, err := Desired(cfg, Env{Interfaces: map[string]Interface{"wan0": {Index: 1, MTU: 1500, Up: true, Ethernet: true}}})
		must(t, err)
		got := make(map[bpf.Role]uint16)
		for _, o := range s.Objects {
			if f, ok := o.(Filter); ok {
				got[f.Variant.Role] = f.Variant.Clamp
			}
		}
		if got[bpf.UplinkIngress] != tt.fromIn || got[bpf.UplinkEgress] != tt.fromOut {
			t.Errorf("%s: in %d, out %d; want %d and %d", tt.name, got[bpf.UplinkIngress], got[bpf.UplinkEgress], tt.fromIn, tt.fromOut)
		}
	}
}
