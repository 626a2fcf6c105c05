package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A list is a set: however it is written, all kernels are all kernels, and their run is a whole one.
func TestOptions(t *testing.T) {
	both := []string{"6.12", "6.1"}
	for _, test := range []struct {
		name    string
		args    []string
		full    string // in the environment
		kernels []string
		whole   bool
		isFull  bool
	}{
		{"none", nil, "", both, true, false},
		{"the default, said", []string{"-kernels", "6.12,6.1"}, "", both, true, false},
		{"a space", []string{"-kernels", "6.12, 6.1"}, "", both, true, false},
		{"another order", []string{"-kernels", "6.1,6.12"}, "", both, true, false},
		{"twice", []string{"-kernels", "6.1,6.12,6.1"}, "", both, true, false},
		{"one kernel", []string{"-kernels", "6.1"}, "", []string{"6.1"}, false, false},
		{"one kernel twice", []string{"-kernels", "6.1,6.1"}, "", []string{"6.1"}, false, false},
		{"more seeds", []string{"-seeds", "5"}, "", both, true, false},
		{"fewer seeds", []string{"-seeds", "1"}, "", both, false, false},
		{"one scenario", []string{"-run", "TestFallbackLeaf", "-without", "fq_codel"}, "", both, false, false},
		{"full", nil, "1", both, true, true},
		{"not full", nil, "0", both, true, false},
		{"full after all", []string{"-full"}, "0", both, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := parse(test.args, test.full)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.kernels, o.kernels); diff != "" {
				t.Error(diff)
			}
			if o.whole() != test.whole || o.full != test.isFull {
				t.Errorf("whole %v, full %v, want %v and %v", o.whole(), o.full, test.whole, test.isFull)
			}
			var on []string
			for _, g := range grids(o) {
				on = append(on, g.Kernel)
			}
			if diff := cmp.Diff(test.kernels, slices.Compact(on)); diff != "" {
				t.Errorf("kernels of grids: %s", diff)
			}
		})
	}
}

func TestOptionPackages(t *testing.T) {
	for list, want := range map[string][]string{
		"shaper":       {"shaper"},
		"shaper, bpf ": {"bpf", "shaper"},
		"":             {"internal/nettest", "internal/lock", "internal/tcnl", "bpf", "internal/replay", "shaper", "internal/doctor", "cmd/sliced", "cmd/slicectl"},
	} {
		o, err := parse([]string{"-tests", "-packages", list}, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, o.packages); diff != "" {
			t.Errorf("%q: %s", list, diff)
		}
	}
}

// What would run nothing, or something else than was meant, is an error that says what to write instead.
func TestOptionsRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		full string
		want string
	}{
		{"an unknown kernel", []string{"-kernels", "6.6"}, "", `-kernels: "6.6" is unknown: name some of 6.12, 6.1`},
		{"one known, one not", []string{"-kernels", "6.12,6.6"}, "", `"6.6" is unknown`},
		{"no kernel", []string{"-kernels", ""}, "", `-kernels: "" is unknown`},
		{"a comma too many", []string{"-kernels", "6.12,"}, "", `-kernels: "" is unknown`},
		{"no seed", []string{"-seeds", "0"}, "", "-seeds 0: from 1 to 100"},
		{"fewer seeds than none", []string{"-seeds", "-1"}, "", "-seeds -1: from 1 to 100"},
		{"no guest", []string{"-vms", "0"}, "", "-vms 0 runs nothing"},
		{"an unknown package", []string{"-tests", "-packages", "shapr"}, "", `-packages: "shapr" is unknown: name some of internal/nettest, `},
		{"packages of scenarios", []string{"-packages", "shaper"}, "", "add -tests"},
		{"an argument", []string{"TestCost"}, "", `unexpected argument "TestCost"`},
		{"an argument behind options", []string{"-run", "TestCost", "-json", "true"}, "", `unexpected argument "true"`},
		{"nothing without", []string{"-without", "fq_codel"}, "", "add -run"},
		{"tests without", []string{"-tests", "-run", "TestPins", "-without", "fq_codel"}, "", "without -tests"},
		{"tests from a file", []string{"-from", "f", "-tests"}, "", "-from runs nothing"},
		{"a scenario from a file", []string{"-from", "f", "-run", "TestCost"}, "", "-from runs nothing"},
		{"kernels of a file", []string{"-from", "f", "-kernels", "6.1"}, "", "leave out -kernels"},
		{"a file without a name", []string{"-from", "f,"}, "", "a name between commas is missing"},
		{"too many seeds", []string{"-seeds", "101"}, "", "-seeds 101: from 1 to 100"},
		{"a pattern that is none", []string{"-run", "Test("}, "", "-run: error parsing regexp"},
		{"figures of tests", []string{"-tests", "-write"}, "", "leave out -write"},
		{"seeds of tests", []string{"-tests", "-seeds", "1"}, "", "leave out -seeds"},
		{"all, but one", []string{"-run", "TestCost"}, "1", "FULL=1 or -full is every scenario"},
		{"tests alone, of all", []string{"-tests"}, "1", "FULL=1 or -full is every scenario"},
		{"without what no kernel can do without", []string{"-run", "TestCost", "-without", "cake"}, "", "kernels can do without fq_codel"},
		{"FULL=yes", nil, "yes", "unexpected FULL=yes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parse(test.args, test.full); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
