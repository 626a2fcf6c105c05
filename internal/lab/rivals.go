package lab

import (
	"errors"
	"fmt"
)

// Absent is an error for each rival that a whole run was to compare with in isolation, on the newest kernel, and did not: bounds speak of two
// of them alone.
func Absent(figures []Figure) error {
	const newest = "6.12"
	measured := make(map[Key]bool)
	for _, f := range figures {
		if f.Kernel == newest {
			measured[f.key()] = true
		}
	}
	var errs []error
	for _, way := range []string{"up", "down"} {
		for _, mbit := range []int{1, 5, 20} {
			for _, treatment := range []string{nothing, "fq_codel", cakeBestEffort, cakeDiffserv, ours} {
				k := Key{"isolation", fmt.Sprintf("one slice, %s, %d Mbit/s", way, mbit), treatment, "call p99"}
				if !measured[k] {
					errs = append(errs, fmt.Errorf("kernel %s: %s was not measured", newest, k))
				}
			}
		}
	}
	return errors.Join(errs...)
}
