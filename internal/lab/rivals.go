package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fqCodel has another name in the scenario *overhead*, where it can be told nothing of the link.
const fqCodel, untoldFqCodel = "fq_codel", "fq_codel, overhead none"

// compared are the scenarios that have all rivals in a full run; *cost* where one device sends.
var compared = []string{"isolation", "same device", "leaves", "crowd", "fairness", "abuse", "overhead", "local", "rate", "cost"}

// Absent is an error for each rival that a whole run was to compare with, and did not: bounds speak of two of them alone. A reduced run has all
// in isolation, one slice, and in what one device's packets cost, on the newest kernel; a full one in each case that ours was measured in.
func Absent(figures []Figure, full bool) error {
	wanted := reducedComparisons() // of ours
	seen := make(map[place]bool)
	for _, f := range figures {
		at := place{f.Kernel, Key{f.Scenario, f.Case, f.Treatment, ""}}
		if full && !seen[at] && at.Treatment == ours && at.hasRivals() && !slices.Contains(wanted, at) {
			wanted = append(wanted, at)
		}
		seen[at] = true
	}
	var errs []error
	for _, at := range wanted {
		for _, treatment := range []string{nothing, fqCodel, cakeBestEffort, cakeDiffserv, ours} {
			if treatment == fqCodel && at.Scenario == "overhead" {
				treatment = untoldFqCodel
			}
			if at.Treatment = treatment; !seen[at] {
				errs = append(errs, fmt.Errorf("kernel %s: %s: %s: %s was not measured", at.kernel, at.Scenario, at.Case, at.Treatment))
			}
		}
	}
	return errors.Join(errs...)
}

// reducedComparisons are the cases that have all rivals in a reduced run, too.
func reducedComparisons() (all []place) {
	newest := Kernels[len(Kernels)-1].Name
	for _, way := range []string{"up", "down"} {
		for _, mbit := range []int{1, 5, 20} {
			all = append(all, place{newest, Key{"isolation", fmt.Sprintf("one slice, %s, %d Mbit/s", way, mbit), ours, ""}})
		}
		for _, size := range []int{1500, 200} {
			all = append(all, place{newest, Key{"cost", fmt.Sprintf("1 devices, 1 flows, %s, %d bytes", way, size), ours, ""}})
		}
	}
	return all
}

// hasRivals tells whether all rivals run where this does, in a full run.
func (at place) hasRivals() bool {
	return slices.Contains(compared, at.Scenario) && (at.Scenario != "cost" || strings.HasPrefix(at.Case, "1 devices,"))
}
