package main

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/slicegate/slicegate/bpf"
)

// Whatever a configuration can switch on, and every way where there are two, is in a program that doctor shows to the kernel.
func TestLargestProgramsHaveAll(t *testing.T) {
	programs := largestPrograms()
	if !slices.ContainsFunc(programs, func(v bpf.Variant) bool { return v.Role == bpf.LeafHost }) {
		t.Error("the cake leaf's program is left out")
	}
	never := []string{"Role", "Dry", "Replay"} // the last two are not attached to anything
	bothWays := []string{"RawIP", "ByAddress"}
	for role := bpf.VenueIngress; role <= bpf.VenueEgress; role++ {
		seen := make(map[string]bool)
		for _, v := range programs {
			if v.Role != role {
				continue
			}
			fields := reflect.ValueOf(v)
			for i := range fields.NumField() {
				seen[fmt.Sprintf("%s on %t", fields.Type().Field(i).Name, !fields.Field(i).IsZero())] = true
			}
		}
		for i := range reflect.TypeFor[bpf.Variant]().NumField() {
			name := reflect.TypeFor[bpf.Variant]().Field(i).Name
			if slices.Contains(never, name) {
				continue
			}
			if !seen[name+" on true"] {
				t.Errorf("%s: no program with %s", role, name)
			}
			if slices.Contains(bothWays, name) && !seen[name+" on false"] {
				t.Errorf("%s: no program without %s", role, name)
			}
		}
	}
}
