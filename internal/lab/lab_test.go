package lab

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
)

// needs are what a guest takes of this machine.
var needs = []string{"root", "qemu"}

// module is the module's folder, and cache is in it.
const module, cache = "../..", "../../.cache/lab"

func newBench(t *testing.T) *Bench {
	t.Helper()
	nettest.Require(t, needs...)
	b := &Bench{Module: module, Cache: cache, Log: t.Output()}
	if err := b.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// A subset of the kernel tests passes on all kernels: each that it names, and none is skipped.
func TestKernels(t *testing.T) {
	b := newBench(t)
	var names []string
	for _, k := range Kernels {
		names = append(names, k.Name)
	}
	reports, err := b.Test(t.Context(), names, Subset())
	if err != nil {
		t.Error(err)
	}
	for _, report := range reports {
		if report == nil {
			continue
		}
		t.Logf("%s: %s, %s of it processor time", report.Kernel.Release, report.Took.Round(time.Second), report.CPU.Round(time.Second))
		for _, run := range report.Runs {
			t.Logf("%s: %s: %d passed at %s", report.Kernel.Release, run.Program.Package, run.Count("pass"), run.Ended)
			if n := run.Count("skip"); n > 0 {
				t.Errorf("%s: %s: %d tests were skipped", report.Kernel.Release, run.Program.Package, n)
			}
			for _, name := range subset[run.Program.Package] {
				if !slices.ContainsFunc(run.Tests, func(test Test) bool { return test.Name == name && test.Verdict == "pass" }) {
					t.Errorf("%s: %s: %s did not run and pass", report.Kernel.Release, run.Program.Package, name)
				}
			}
		}
	}
}

// Two runs of a scenario agree within 2 %, in every figure: a maximum, which is one packet of 3,000, and what is lost are among them. In
// fact they are equal, since both guests execute the same instructions; the bound is what readers of the tables are promised.
func TestRunsAgree(t *testing.T) {
	b := newBench(t)
	grid := []Grid{{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^up$/^5$/^ours$"}}
	var runs [2]map[Key]Figure
	for i := range runs {
		figures, err := b.Measure(t.Context(), grid, []uint64{1})
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = make(map[Key]Figure)
		for _, f := range figures {
			runs[i][f.key()] = f
		}
	}
	if len(runs[0]) != len(runs[1]) {
		t.Errorf("%d figures, and then %d", len(runs[0]), len(runs[1]))
	}
	const share = 0.02
	for k, first := range runs[0] {
		second := runs[1][k]
		if len(first.Spread) != len(second.Spread) || math.Abs(first.Value-second.Value) > share*math.Abs(first.Value) {
			t.Errorf("%s: %.4f and then %.4f %s", k.Name, first.Value, second.Value, first.Unit)
			continue
		}
		for i, value := range first.Spread {
			if math.Abs(value-second.Spread[i]) > share*math.Abs(value) {
				t.Errorf("%s, percentile %d: %.4f and then %.4f %s", k.Name, i+1, value, second.Spread[i], first.Unit)
			}
		}
	}
}

// A guest that breaks is an error that says how, with the end of its console.
func TestBrokenGuests(t *testing.T) {
	nettest.Require(t, needs...)
	image, err := Kernels[1].Fetch(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, job string
		timeout   time.Duration
		want      []string
	}{
		{"a panic", "echo c >/proc/sysrq-trigger", 0, []string{"broke off in x", "Kernel panic", "sysrq"}},
		{"a time-out", "sleep 1000000", 20 * time.Second, []string{"not done after 20s by the host's clock"}},
		{"an end of its own", "reboot -f", 0, []string{"broke off in x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := t.TempDir()
			if err := os.MkdirAll(filepath.Join(tree, source, "x"), 0o755); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf("#!/bin/sh\n%s\n", test.job)
			if err := os.WriteFile(filepath.Join(tree, source, "x", "x.test"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			g := Guest{Image: image, Tree: tree, Programs: []Program{{Package: "x"}}, Timeout: test.timeout}
			_, err := g.Run(context.WithoutCancel(t.Context()))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error without %q:\n%v", want, err)
				}
			}
		})
	}
}

// A program that outlives its time by the guest's clock is killed there, and the next one runs.
func TestVirtualTimeout(t *testing.T) {
	nettest.Require(t, needs...)
	image, err := Kernels[1].Fetch(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	for name, script := range map[string]string{"slow": "sleep 1000000", "quick": "echo PASS"} {
		if err := os.MkdirAll(filepath.Join(tree, source, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, source, name, name+".test"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g := Guest{Image: image, Tree: tree, Virtual: true, Programs: []Program{{Package: "slow", Timeout: time.Hour}, {Package: "quick"}}}
	report, err := g.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slow, quick := report.Runs[0], report.Runs[1]
	if slow.Status != 137 || slow.Ended < time.Hour {
		t.Errorf("the slow one: status %d after %s, want 137 after an hour", slow.Status, slow.Ended)
	}
	if quick.Status != 0 {
		t.Errorf("the quick one: status %d", quick.Status)
	}
	t.Logf("an hour of the guest's took %s", report.Took)
}
