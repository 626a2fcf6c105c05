package lab

import (
	"strings"
	"testing"
)

// A comparator that vanished is named, whether or not a bound speaks of it.
func TestAbsent(t *testing.T) {
	var figures []Figure
	for _, way := range []string{"up", "down"} {
		for _, rate := range []string{"1", "5", "20"} {
			for _, treatment := range []string{"nothing", "fq_codel", "cake besteffort", "cake diffserv4", "ours"} {
				figures = append(figures, Figure{
					Kernel: "6.12", Scenario: "isolation", Case: "one slice, " + way + ", " + rate + " Mbit/s", Treatment: treatment, Name: "call p99",
				})
			}
		}
	}
	if err := Absent(figures); err != nil {
		t.Errorf("a whole run: %v", err)
	}
	figures[1].Treatment = "codel"
	if err := Absent(figures); err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "fq_codel") {
		t.Errorf("without fq_codel: %v", err)
	}
}
