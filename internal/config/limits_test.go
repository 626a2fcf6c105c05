package config_test

import (
	"testing"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/config"
)

// What a file may hold is what the kernel's tables hold.
func TestLimitsAreTheKernelsOwn(t *testing.T) {
	for name, pair := range map[string][2]int{
		"uplinks":     {config.MaxUplinks, bpf.MaxUplinks},
		"venues":      {config.MaxVenues, bpf.MaxVenues},
		"slices":      {config.MaxSlices, bpf.MaxSlices - 1}, // 0 is none
		"rules":       {config.MaxRules, bpf.MaxRules},
		"experiences": {config.MaxExperiences, bpf.MaxExperiences - 1}, // 0 is nobody
		"subnets":     {config.MaxSubnets, bpf.MaxPrefixes},
		"name":        {config.MaxName, bpf.MaxName - 1}, // a zero at the end
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: the configuration takes %d, the kernel %d", name, pair[0], pair[1])
		}
	}
}
