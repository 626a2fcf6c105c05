package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Figures of other guests in between change nothing, and the newest kernel comes first.
func TestInOrder(t *testing.T) {
	figure := func(kernel, scenario string, seed uint64, name string) Figure {
		return Figure{Kernel: kernel, Scenario: scenario, Seed: seed, Name: name}
	}
	want := []Figure{
		figure("6.12", "abuse", 1, "p99"), figure("6.12", "isolation", 1, "p99"), figure("6.12", "isolation", 1, "max"),
		figure("6.12", "isolation", 2, "p99"), figure("6.1", "isolation", 1, "p99"),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 1, 0, 2}, {1, 4, 2, 3, 0}} {
		var came []Figure
		for _, i := range order {
			came = append(came, want[i])
		}
		if diff := cmp.Diff(want, inOrder(came)); diff != "" {
			t.Errorf("as they came: %v (-want +got)\n%s", order, diff)
		}
	}
}

// Cases have the order that a reader expects, and in each the treatments have the charts', with variants behind what they vary.
func TestNatural(t *testing.T) {
	for name, want := range map[string][]string{
		"cases": {
			"one slice, up, 1 Mbit/s", "one slice, up, 5 Mbit/s", "one slice, up, 20 Mbit/s", "one slice, up, 100 Mbit/s",
			"one slice, down, 5 Mbit/s", "one slice, both, 1 Mbit/s", "two slices, up, 1 Mbit/s",
		},
		"crowds": {
			"1 devices, 1 flows, up, 200 bytes", "1 devices, 1 flows, up, 1500 bytes", "1 devices, 1 flows, down, 200 bytes",
			"500 devices, 7500 flows, up, 1500 bytes", "4000 devices, 60000 flows, up, 1500 bytes",
		},
		"treatments": {
			"before", "after", nothing, "fq_codel", cakeBestEffort, cakeDiffserv, ours, "ours, cake leaf", "ours, in a call's slice",
			"ours, in a call's slice, no agent", "ours, no agent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var figures []Figure
			for _, word := range want {
				f := Figure{Case: word}
				if name == "treatments" {
					f = Figure{Treatment: word}
				}
				figures = append(figures, f)
			}
			came := slices.Clone(figures)
			slices.Reverse(came)
			if diff := cmp.Diff(figures, inOrder(came)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Two guests of one scenario and seed give the same tables, whichever was quicker, and a case's treatments are together.
func TestTablesWhicheverGuestWasFirst(t *testing.T) {
	guest := func(treatment string, names ...string) (figures []Figure) {
		for _, mbit := range []string{"5", "20"} {
			for _, name := range names {
				figures = append(figures, Figure{"6.12", "isolation", "up, " + mbit + " Mbit/s", treatment, 1, name, "ms", 3, nil})
			}
		}
		return figures
	}
	rivals, own := guest(nothing, "call p99"), guest(ours, "call p99", "grown")
	const wantRows = "up, 5 Mbit/s: nothing; up, 5 Mbit/s: ours; up, 20 Mbit/s: nothing; up, 20 Mbit/s: ours"
	var first string
	for _, figures := range [][]Figure{slices.Concat(rivals, own), slices.Concat(own, rivals)} {
		tables := scenarioTables(figures)
		if len(tables) != 1 || strings.Join(tables[0].rows, "; ") != wantRows {
			t.Fatalf("%d tables, first rows %q, want %q", len(tables), tables[0].rows, wantRows)
		}
		var out strings.Builder
		if err := WriteTables(&out, figures); err != nil {
			t.Fatal(err)
		}
		text := tables[0].markdown() + out.String()
		if first == "" {
			first = text
		}
		if diff := cmp.Diff(first, text); diff != "" {
			t.Errorf("the other guest first (-one +other)\n%s", diff)
		}
	}
}
