package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// delays are figures of one case: a value a seed.
func delays(treatment string, values ...float64) (all []Figure) {
	for i, v := range values {
		all = append(all, Figure{"6.12", "isolation", "up, 5 Mbit/s", treatment, uint64(i + 1), "call p99", "ms", v, nil})
	}
	return all
}

var (
	oursP99  = Key{"isolation", "up, 5 Mbit/s", ours, "call p99"}
	absolute = atMost(oursP99, 3, "three")
	relative = atMostOfCake(oursP99, 0.5, 0.25)
	least    = atLeastOf(oursP99, 0.9, cakeDiffserv)
)

// A bound is met, short, broken or not measured, by medians.
func TestJudge(t *testing.T) {
	held := func(at float64) []Shortfall { return []Shortfall{{"6.12", oursP99, at}} }
	for _, test := range []struct {
		name    string
		bound   Bound
		short   []Shortfall
		figures []Figure
		want    State
	}{
		{"met", absolute, nil, delays(ours, 3), Met},
		{"met by the median alone", absolute, nil, delays(ours, 2, 2.5, 9), Met},
		{"broken", absolute, nil, delays(ours, 3.1), Broken},
		{"broken by the median", absolute, nil, delays(ours, 2, 4, 5), Broken},
		{"held", absolute, held(4), delays(ours, 3.9), Short},
		{"beyond what it is held to", absolute, held(4), delays(ours, 4.1), Broken},
		{"held no more", absolute, held(4), delays(ours, 2.9), Met},
		{"held on another kernel", absolute, []Shortfall{{"6.1", oursP99, 4}}, delays(ours, 3.9), Broken},
		{"nothing measured but a rival", absolute, nil, delays(cakeDiffserv, 3), Unmeasured},
		{"met beside a rival", relative, nil, append(delays(ours, 2.25), delays(cakeDiffserv, 4)...), Met},
		{"broken beside a rival", relative, nil, append(delays(ours, 2.26), delays(cakeDiffserv, 4)...), Broken},
		{"beside the rival's median", relative, nil, append(delays(ours, 2.26), delays(cakeDiffserv, 1, 4.1, 4.2)...), Met},
		{"a rival not measured", relative, nil, delays(ours, 1), Unmeasured},
		{"enough", least, nil, append(delays(ours, 3.6), delays(cakeDiffserv, 4)...), Met},
		{"too little", least, nil, append(delays(ours, 3.5), delays(cakeDiffserv, 4)...), Broken},
		{"too little, held", least, held(3.4), append(delays(ours, 3.5), delays(cakeDiffserv, 4)...), Short},
		{"less than held", least, held(3.4), append(delays(ours, 3.3), delays(cakeDiffserv, 4)...), Broken},
	} {
		t.Run(test.name, func(t *testing.T) {
			verdicts := judge(test.figures, []Bound{test.bound}, test.short)
			if len(verdicts) == 0 || verdicts[0].State != test.want {
				t.Fatalf("verdicts %+v, want a first one that is %s", verdicts, test.want)
			}
			if failed := Failures(verdicts) != nil; failed != (test.want == Broken) {
				t.Errorf("fails: %v", failed)
			}
		})
	}
}

// A bound of two figures is of their sum, seed by seed, and of none that lacks a seed.
func TestSums(t *testing.T) {
	both := Key{"fairness", "down", ours, "media + telemetry"}
	figure := func(treatment, name string, seed uint64, value float64) Figure {
		return Figure{"6.12", both.Scenario, both.Case, treatment, seed, name, "Mbit/s", value, nil}
	}
	figures := []Figure{
		figure(ours, "media", 1, 70), figure(ours, "media", 2, 60), figure(ours, "telemetry", 1, 10), figure(ours, "telemetry", 2, 30),
		figure(cakeDiffserv, "media", 1, 50), figure(cakeDiffserv, "telemetry", 1, 50),
	}
	bounds := []Bound{atLeastOf(both, 0.85, cakeDiffserv)}
	got := judge(figures, bounds, nil)[0]
	if want := (Summary{Median: 85, Least: 80, Most: 90}); got.State != Met || got.Value != want || got.Limit != 85 || got.Unit != "Mbit/s" {
		t.Errorf("%s: %+v %s, limit %v; want %s, %+v, limit 85", got.State, got.Value, got.Unit, got.Limit, Met, want)
	}
	if got := judge(slices.Delete(figures, 3, 4), bounds, nil)[0]; got.State != Unmeasured {
		t.Errorf("with a seed that lacks one of them: %s", got.State)
	}
}

func TestWriteVerdicts(t *testing.T) {
	verdicts := judge(append(delays(ours, 3.1, 3.3, 3.2), delays(cakeDiffserv, 8)...),
		[]Bound{absolute, relative, atMost(Key{"flap", "up", "after", "lost"}, 0, "")}, []Shortfall{{"6.12", oursP99, 3.25}})
	for _, test := range []struct {
		all  bool
		want string
	}{
		{false, `bound                                              median (range)       limit  want                             
6.12 isolation: up, 5 Mbit/s: ours: call p99  3.20 (3.10–3.30) ms  3.00   ≤ three                        short, held at 3.25
6.12 isolation: up, 5 Mbit/s: ours: call p99  3.20 (3.10–3.30) ms  4.25   ≤ 0.5 × cake diffserv4's + 0.25  met
1 met, 1 short, 0 broken, 1 not measured
`},
		{true, "6.12 flap: up: after: lost"},
	} {
		var out strings.Builder
		if err := WriteVerdicts(&out, verdicts, test.all); err != nil {
			t.Fatal(err)
		}
		if test.all {
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("what was not measured is not named:\n%s", &out)
			}
			continue
		}
		if diff := cmp.Diff(strings.Fields(test.want), strings.Fields(out.String())); diff != "" {
			t.Error(diff)
		}
	}
}

// What is known to fall short is named where a run does not see it, so that nothing broken is not read as nothing short.
func TestVerdictsUnseen(t *testing.T) {
	other := Key{"flap", "up", "after", "lost"}
	bounds := []Bound{absolute, relative, atMost(other, 0, "")}
	const missed = "6.12 isolation: up, 5 Mbit/s: ours: call p99: held at 4 ms, not measured in this run"
	for _, test := range []struct {
		name    string
		short   []Shortfall
		figures []Figure
		want    []string
	}{
		{"none is known", nil, delays(cakeDiffserv, 8), nil},
		{"its figure is missing", []Shortfall{{"6.12", oursP99, 4}}, delays(cakeDiffserv, 8), []string{missed}},
		{"its rival's is missing, and it meets the other bound", []Shortfall{{"6.12", oursP99, 4}}, delays(ours, 2), []string{missed}},
		{"its rival's is missing, and it misses the other bound", []Shortfall{{"6.12", oursP99, 4}}, delays(ours, 3.5), nil},
		{"it is met", []Shortfall{{"6.12", oursP99, 4}}, append(delays(ours, 2), delays(cakeDiffserv, 8)...), nil},
		{"it is short", []Shortfall{{"6.12", oursP99, 4}}, append(delays(ours, 3.5), delays(cakeDiffserv, 8)...), nil},
		{
			"of a kernel that is not in the run, with a unit that is not", []Shortfall{{"6.1", other, 0.25}}, delays(ours, 2),
			[]string{"6.1 flap: up: after: lost: held at 0.25, not measured in this run"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			verdicts := judge(test.figures, bounds, test.short)
			if diff := cmp.Diff(test.want, unseen(verdicts)); diff != "" {
				t.Error(diff)
			}
			var out strings.Builder
			if err := WriteVerdicts(&out, verdicts, false); err != nil {
				t.Fatal(err)
			}
			var whole strings.Builder
			if err := WriteVerdicts(&whole, verdicts, true); err != nil {
				t.Fatal(err)
			}
			if len(test.want) > 0 && strings.Count(whole.String(), "not measured, held at") != strings.Count(whole.String(), "held at") {
				t.Errorf("where all is said, a shortfall is named twice or not as one:\n%s", whole.String())
			}
			for _, text := range []string{out.String(), markdown(test.figures, verdicts, nil)} {
				if strings.Count(text, "not measured in this run") != len(test.want) {
					t.Errorf("want %q in\n%s", test.want, text)
				}
			}
		})
	}
}

func TestWords(t *testing.T) {
	for want, bound := range map[string]Bound{
		"≤ three":                         absolute,
		"≤ 0.5 × cake diffserv4's + 0.25": relative,
		"≥ 0.9 × cake diffserv4's":        least,
		"≤ cake diffserv4's + 0.3":        atMostOfCake(oursP99, 1, 0.3),
		"≥ -10":                           atLeast(oursP99, -10),
		"≤ 1.2 × with one":                {Key: oursP99, Rival: Key{"isolation", "one", ours, "call p99"}, Factor: 1.2},
	} {
		if got := bound.Words(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A shortfall can go when its figure misses none of its bounds, not one of them alone.
func TestReached(t *testing.T) {
	short := []Shortfall{{"6.12", oursP99, 4}}
	for value, want := range map[float64]bool{2: true, 3.5: false} {
		verdicts := judge(append(delays(ours, value), delays(cakeDiffserv, 8)...), []Bound{relative, absolute}, short)
		if got := verdicts[0]; got.State != Met || got.Reached != want {
			t.Errorf("at %v: %s, reached: %v, want %s and %v", value, got.State, got.Reached, Met, want)
		}
	}
	if got := judge(delays(ours, 2), []Bound{absolute, relative}, short)[0]; got.State != Met || got.Reached {
		t.Errorf("without its rival: %s, reached: %v: one of its bounds was not measured", got.State, got.Reached)
	}
}

// A whole run that leaves a scenario out, or with FULL a single bound, fails.
func TestMissing(t *testing.T) {
	var verdicts []Verdict
	for kernel, scenarios := range reducedBounds {
		for scenario, n := range scenarios {
			key := Key{Scenario: scenario, Case: "a case", Treatment: ours, Name: "a figure"}
			for range n {
				verdicts = append(verdicts, Verdict{Bound: atMost(key, 1, ""), Kernel: kernel, State: Met})
			}
		}
	}
	if err := Missing(verdicts, true); err != nil {
		t.Errorf("all is there: %v", err)
	}
	one := verdicts[0]
	one.State = Unmeasured
	if err := Missing(append(verdicts, one), false); err != nil {
		t.Errorf("a reduced run: %v", err)
	}
	if err := Missing(append(verdicts, one), true); err == nil || !strings.Contains(err.Error(), "a figure was not measured") {
		t.Errorf("a full run: %v", err)
	}
	if err := Missing(append(verdicts[1:], one), false); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("bounds of %q were measured", one.Scenario)) {
		t.Errorf("a bound is missing: %v", err)
	}
}
