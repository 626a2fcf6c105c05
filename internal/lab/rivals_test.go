package lab

import (
	"slices"
	"strings"
	"testing"
)

// ofCase are the figures of a case, one for each treatment.
func ofCase(kernel, scenario, name string, treatments ...string) (all []Figure) {
	for _, treatment := range treatments {
		all = append(all, Figure{Kernel: kernel, Scenario: scenario, Case: name, Treatment: treatment, Name: "call p99"})
	}
	return all
}

// A comparator that vanished is named, whether or not a bound speaks of it.
func TestAbsent(t *testing.T) {
	five := []string{"nothing", "fq_codel", "cake besteffort", "cake diffserv4", "ours"}
	var reduced []Figure
	for _, way := range []string{"up", "down"} {
		for _, rate := range []string{"1", "5", "20"} {
			reduced = append(reduced, ofCase("6.12", "isolation", "one slice, "+way+", "+rate+" Mbit/s", five...)...)
		}
		for _, size := range []string{"1500", "200"} {
			reduced = append(reduced, ofCase("6.12", "cost", "1 devices, 1 flows, "+way+", "+size+" bytes", five...)...)
		}
	}
	const frames = "pppoe, up, 300-byte packets, 10 Mbit/s"
	for _, test := range []struct {
		name    string
		full    bool
		figures []Figure
		want    string // in its only line; empty for no error
	}{
		{"all of a reduced run", false, reduced, ""},
		{"fq_codel is gone", false, slices.Delete(slices.Clone(reduced), 1, 2), "one slice, up, 1 Mbit/s: fq_codel was"},
		{"what only a full run compares", false, append(ofCase("6.1", "rate", "up", "ours"), reduced...), ""},
		{"a full run's rival is gone", true, append(ofCase("6.1", "rate", "up", five[1:]...), reduced...), "6.1: rate: up: nothing was"},
		{"many devices cost", true, append(ofCase("6.1", "cost", "500 devices, 7500 flows, up, 1500 bytes", "ours"), reduced...), ""},
		{"who has no rivals", true, append(ofCase("6.1", "flap", "up", "ours"), reduced...), ""},
		{"untold", true, append(ofCase("6.12", "overhead", frames, "nothing", "fq_codel, overhead none", "cake besteffort", "cake diffserv4", "ours"), reduced...), ""},
		{"untold is gone", true, append(ofCase("6.12", "overhead", frames, "nothing", "cake besteffort", "cake diffserv4", "ours"), reduced...), "fq_codel, overhead none was"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Absent(test.figures, test.full)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one is missing: %v", err)
			}
		})
	}
}
