package lab

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The test that wants a kernel to lack something is left out of what runs elsewhere, but where it is named: it then says what it wants.
func TestGridSkips(t *testing.T) {
	for _, test := range []struct {
		grid Grid
		skip string
	}{
		{Grid{Run: "^TestCost$"}, lackingTest},
		{Grid{Run: "."}, lackingTest},
		{Grid{Run: "TestFallbackLeaf"}, ""},
		{Grid{Run: "TestFlap|TestFallback/up/5"}, ""},
		{Grid{Run: lackingTest, Without: "fq_codel"}, ""},
		{Grid{Run: ".", Without: "fq_codel"}, ""},
	} {
		if got := test.grid.program(1).Skip; got != test.skip {
			t.Errorf("%+v skips %q, want %q", test.grid, got, test.skip)
		}
	}
}

// A newer kernel has to have what came with it: there, a test of it is not skipped.
func TestNewerKernelsMust(t *testing.T) {
	for _, p := range KernelTests() {
		for kernel, want := range map[string]bool{"6.12": true, "6.1": false} {
			env := strings.Join(p.on(kernel).Env, " ")
			if !strings.Contains(env, Require) || strings.Contains(env, ",tcx") != want {
				t.Errorf("%s on %s: %s", p.Package, kernel, env)
			}
		}
	}
}

// A package that runs alone has what its tests read of another's.
func TestProgramHasWhatItReads(t *testing.T) {
	programs := KernelTests()
	alone := slices.IndexFunc(programs, func(p Program) bool { return p.Package == "bpf" })
	tree, err := compile(t.Context(), "../..", t.TempDir(), programs[alone:alone+1])
	if err != nil {
		t.Fatal(err)
	}
	captures, err := filepath.Glob(filepath.Join(tree, source, "internal/replay/testdata/captures/*.pcap*"))
	if err != nil || len(captures) == 0 {
		t.Errorf("beside bpf: %d captures, %v", len(captures), err)
	}
}
