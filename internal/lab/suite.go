package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/lab/built"
)

// Require is what all of the lab's kernels have, for SLICEGATE_REQUIRE: there, no test that needs it may be skipped.
const Require = "root,netns,veth,bridge,tun,ifb,nft,htb,tbf,fq_codel,cake,netem,clsact,bpf,btf"

// require begins its setting in the environment.
const require = "SLICEGATE_REQUIRE="

// on is the program as it runs on a kernel, which may have more than all of them have.
func (p Program) on(kernel string) Program {
	const since, have = "6.12", ",tcx" // since Linux 6.6
	if kernelAge(kernel) < kernelAge(since) {
		return p
	}
	p.Env = slices.Clone(p.Env)
	for i, setting := range p.Env {
		if strings.HasPrefix(setting, require) {
			p.Env[i] += have
		}
	}
	return p
}

// KernelTests are the packages whose tests are about the kernel.
func KernelTests() []Program {
	var programs []Program
	for _, name := range []string{"internal/nettest", "internal/lock", "internal/tcnl", "bpf", "internal/replay", "shaper", "internal/doctor", "cmd/sliced", "cmd/slicectl"} {
		p := Program{Package: name, Env: []string{require + Require}, Timeout: time.Hour}
		switch name {
		case "bpf":
			p.Reads = []string{"internal/replay/testdata"}
		case "cmd/sliced":
			p.Starts, p.Env = []string{built.Slicectl, built.OtherSliced}, append(p.Env, built.Folder+"="+ourPrograms)
		}
		programs = append(programs, p)
	}
	return programs
}

// Subset is what make test runs of the kernel tests: that the verifier takes the programs, that they judge packets, and that the
// trees stand and carry traffic both ways, with the leaves that only these kernels have. Loading the programs is what takes the time
// on an emulated processor, so it is few tests.
func Subset() []Program {
	var programs []Program
	for _, p := range KernelTests() {
		if names, ok := subset[p.Package]; ok {
			p.Run = exactly(names)
			programs = append(programs, p)
		}
	}
	return programs
}

// subset are the tests of Subset by package; nil means all.
var subset = map[string][]string{
	"internal/tcnl": nil,
	"shaper": {
		"TestForwardedCall", "TestRatesAreKept", "TestRestartGoesOn", "TestSlowDownloadHasPatience", "TestEveryLeaf/cake", "TestDevicesShare/cake/up",
	},
}

// exactly is what go test -run is told for these tests, and no others whose names begin or end with theirs.
func exactly(names []string) string {
	var patterns []string
	for _, name := range names {
		patterns = append(patterns, "^"+strings.ReplaceAll(name, "/", "$/^")+"$")
	}
	return strings.Join(patterns, "|")
}

// Grid is the scenarios that are run on a kernel.
type Grid struct {
	Kernel string
	Run    string // as for go test -run
	Once   bool   // with the first seed alone
	// Without names a qdisc that the kernel is to lack ([Guest]).
	Without string
}

// Only a kernel without fq_codel runs this, and it runs nothing else.
const lackingTest = "^TestFallbackLeaf$"

func (g Grid) program(seed uint64) Program {
	p := Program{
		Package: "internal/lab/scenario", Run: g.Run, Skip: lackingTest, Timeout: scenarioTimeout,
		Env:    []string{require + Require, fmt.Sprintf("%s=%d", SeedVariable, seed)},
		Starts: []string{built.Sliced},
	}
	// Who names the test and forgets the option is told so by the test.
	if g.Without != "" || strings.Contains(g.Run, "Fallback") {
		p.Skip = ""
	}
	return p
}

// Reduced is what make lab measures: one best-effort slice, each way, at three rates; what goes up a slow link, what comes down at 5 and 20
// Mbit/s, and a sparse flow beside pages, ours and its best rival, with all seeds; the rest once, and the other scenarios once and in part. (At 20
// Mbit/s a call's p99 is 6 or 7 full packets that wait in the modem. Which it is differs by run, and one packet more is twice what the bound
// allows.) A play takes the emulator a minute or two, so this is for a run of three quarters of an hour with two guests. Long grids come first.
var Reduced = []Grid{
	{Kernel: "6.12", Run: "^TestFairness$/^media_and_telemetry,_up/^ours$", Once: true},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^up$/^(1|5)$/^(cake_diffserv4|ours)$"},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^up$/^20$/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^down$/^(5|20)$/^(cake_diffserv4|ours)$"},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^down$/^1$/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^up$/^(1|5|20)$/^(nothing|fq_codel|cake_besteffort)$", Once: true},
	{Kernel: "6.12", Run: "^TestIsolation$/^one_slice$/^down$/^(1|5|20)$/^(nothing|fq_codel|cake_besteffort)$", Once: true},
	{Kernel: "6.1", Run: "^TestIsolation$/^one_slice$/^up$/^(1|5|20)$/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.1", Run: "^TestIsolation$/^one_slice$/^down$/^20$/^(cake_diffserv4|ours)$"},
	{Kernel: "6.1", Run: "^TestIsolation$/^one_slice$/^down$/^(1|5)$/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestSameDevice$/^4_uploads,_5_/^(cake_diffserv4|ours)$"},
	{Kernel: "6.12", Run: "^TestSameDevice$/^8_uploads_against_1,_5/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestCrowd$/./^(cake_diffserv4(,_ingress)?|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestDelay$/^(up|down|bursts)$/^(5|15|45)$", Once: true},
	{Kernel: "6.12", Run: "^TestFairness$/^(realtime|signalling)/^ours$", Once: true},
	{Kernel: "6.12", Run: "^TestAbuse$/^(uploads_marked_EF|UDP_of_400_bytes|fake_RTP|fake_STUN),_5_/^(cake_diffserv4|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestAbuse$/^uploads_marked_EF,_5_/^ours,_DSCP_trusted$", Once: true},
	{Kernel: "6.12", Run: "^TestCost$", Once: true},
	{Kernel: "6.12", Run: "^TestOverhead$/^(pppoe|docsis|atm)/^(cake_diffserv4|ours(,_overhead_none)?)$", Once: true},
	{Kernel: "6.12", Run: "^TestOverhead$/^down,_(pppoe|docsis)$/^(cake_diffserv4|ours(,_overhead_none)?)$", Once: true},
	{Kernel: "6.12", Run: "^TestLeaves$/^40_devices/^(cake_diffserv4|ours(,_cake_leaf)?)$", Once: true},
	{Kernel: "6.12", Run: "^TestLocal$/^200_Mbit$/^(nothing|ours)$", Once: true},
	{Kernel: "6.12", Run: "^TestFlap$", Once: true},
	{Kernel: "6.12", Run: "^TestRate$/././^(cake_diffserv4|ours(,_overhead_pppoe)?)$", Once: true},
	{Kernel: "6.12", Run: "^TestAgent$/^(retune|kill|nothing_happens,_behind)", Once: true},
	{Kernel: "6.12", Run: lackingTest + "/./^5$/^ours$", Without: "fq_codel", Once: true},
}

// reducedBounds is how many bounds a whole reduced run measures, by kernel and scenario: of fewer, a figure has vanished.
var reducedBounds = map[string]map[string]int{
	"6.12": {
		"isolation": 66, "crowd": 8, "fallback leaf": 10, "same device": 9, "delay": 80, "leaves": 14, "fairness": 24, "abuse": 35, "agent": 32,
		"overhead": 33, "local": 1, "flap": 10, "cost": 24, "rate": 12,
	},
	"6.1": {"isolation": 48},
}

// Full is every scenario on every kernel, some at a time, since a guest has two hours: isolation with all seeds, the rest once. It is for a
// night.
func Full() (all []Grid) {
	for _, kernel := range []string{"6.12", "6.1"} {
		for _, mix := range []string{"one", "two"} {
			for _, way := range []string{"up", "down", "both"} {
				all = append(all, Grid{Kernel: kernel, Run: fmt.Sprintf("^TestIsolation$/^%s_slices?$/^%s$", mix, way)})
			}
		}
		for _, what := range []string{"up", "down"} { // fairness of best effort is a long look
			all = append(all, Grid{Kernel: kernel, Run: "^TestFairness$/^media_and_telemetry,_" + what, Once: true})
		}
		all = append(all, Grid{Kernel: kernel, Run: "^TestFairness$/^(realtime|signalling)", Once: true})
		for _, rate := range []string{"5", "20"} {
			all = append(all, Grid{Kernel: kernel, Run: fmt.Sprintf("^TestAbuse$/,_%s_", rate), Once: true})
		}
		for _, test := range []string{"Crowd", "SameDevice", "Leaves", "Delay", "Agent|Flap", "Overhead", "Local", "Cost", "Rate"} {
			all = append(all, Grid{Kernel: kernel, Run: fmt.Sprintf("^Test(%s)$", test), Once: true})
		}
		all = append(all, Grid{Kernel: kernel, Run: lackingTest, Without: "fq_codel", Once: true})
	}
	return all
}
