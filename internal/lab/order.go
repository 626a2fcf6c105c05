package lab

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// inOrder sorts figures so that tables do not depend on which guest was quicker: by kernel, the newest first, by scenario, by case, by
// treatment as in the charts, and by seed. What one guest printed about a treatment in a case stays in its order.
func inOrder(figures []Figure) []Figure {
	sorted := slices.Clone(figures)
	slices.SortStableFunc(sorted, func(a, b Figure) int {
		return cmp.Or(
			cmp.Compare(kernelAge(b.Kernel), kernelAge(a.Kernel)), cmp.Compare(a.Scenario, b.Scenario), natural(a.Case, b.Case),
			cmp.Compare(treatmentPlace(a.Treatment), treatmentPlace(b.Treatment)), natural(a.Treatment, b.Treatment), cmp.Compare(a.Seed, b.Seed))
	})
	return sorted
}

// kernelAge is a kernel's place among those that the lab knows, the oldest first.
func kernelAge(name string) int {
	return slices.IndexFunc(Kernels, func(k Kernel) bool { return k.Name == name })
}

// treatmentPlace is a treatment's place in the charts. A variant, such as "ours, cake leaf", has that of what it varies; what is no way of
// shaping, such as "before", comes first.
func treatmentPlace(treatment string) int {
	varied, _, _ := strings.Cut(treatment, ", ")
	return slices.IndexFunc(colours, func(t struct{ treatment, colour string }) bool { return t.treatment == varied })
}

// words of a name: numbers, words, and what is between them.
var nameWords = regexp.MustCompile(`\d+|\pL+|.`)

// ordered are words that have an order of their own. They come before all others.
var ordered = []string{"up", "down", "both", "before", "after"}

// natural compares names word by word, numbers as such: 5 Mbit/s come before 20.
func natural(a, b string) int {
	place := func(word string) int {
		if i := slices.Index(ordered, word); i >= 0 {
			return i
		}
		return len(ordered)
	}
	return slices.CompareFunc(nameWords.FindAllString(a, -1), nameWords.FindAllString(b, -1), func(a, b string) int {
		x, notX := strconv.Atoi(a)
		y, notY := strconv.Atoi(b)
		if notX == nil && notY == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
}
