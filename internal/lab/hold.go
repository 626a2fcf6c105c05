package lab

import (
	_ "embed" // the list of shortfalls as it was written
	"fmt"
	"go/format"
	"io"
	"math"
	"slices"
	"strings"
)

// margin is what a new line of shortfalls adds to the worst of a figure's seeds, as a share of it: another build is another draw.
const margin = 0.03

//go:embed shortfalls.go
var shortfallsSource string

// WriteShortfalls writes the list of shortfalls that is to be in the place of the one there is. What is broken has a line with a new value.
// Lines that hold, and those of what was not measured, are as they were. A line whose figure meets its bounds is left out, and talk is told
// so, since what one draw meets another may miss.
func WriteShortfalls(w, talk io.Writer, verdicts []Verdict) error {
	return rewrite(w, talk, shortfallsSource, verdicts)
}

const listBegins, listEnds = "var shortfalls = []Shortfall{", "\n}"

func rewrite(w, talk io.Writer, source string, verdicts []Verdict) error {
	about := make(map[string][]Verdict) // by what a line begins with
	var broken []string
	for _, v := range verdicts {
		at := v.line()
		about[at] = append(about[at], v)
		if v.State == Broken && !slices.Contains(broken, at) {
			broken = append(broken, at)
		}
	}
	_, rest, _ := strings.Cut(source, listBegins)
	old, _, found := strings.Cut(rest, listEnds)
	if !found {
		return fmt.Errorf("rewrite shortfalls: found no list that begins with %q", listBegins)
	}
	list := listBegins
	for line := range strings.Lines(old + "\n") {
		at, _, _ := strings.Cut(line, "}, ")
		if i := slices.IndexFunc(about[at], func(v Verdict) bool { return v.Reached }); i >= 0 {
			v := about[at][i]
			fmt.Fprintf(talk, "lab: kernel %s: %s is %s %s and meets its bounds by this draw: its line, held at %.6g, is left out\n",
				v.Kernel, v.Key, v.Value, v.Unit, *v.Held)
			continue
		}
		if i := slices.Index(broken, at); i >= 0 {
			broken, line = slices.Delete(broken, i, i+1), newLine(about[at])
		}
		list += line
	}
	for _, at := range broken {
		list += newLine(about[at])
	}
	text, err := format.Source([]byte(list + "}\n"))
	if err != nil {
		return fmt.Errorf("format shortfalls: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// line is what the line of the bound's figure begins with.
func (v Verdict) line() string {
	return fmt.Sprintf("\t{%q, Key{%q, %q, %q, %q", v.Kernel, v.Scenario, v.Case, v.Treatment, v.Name)
}

// newLine is of a figure that is broken, and says which bound it misses.
func newLine(about []Verdict) string {
	v := about[slices.IndexFunc(about, func(v Verdict) bool { return v.State == Broken })]
	return fmt.Sprintf("%s}, %.6g}, // %s\n", v.line(), v.toHold(), v.Words())
}

// toHold is the worst of the seeds with the margin, in three digits, rounded away from the bound.
func (v Verdict) toHold() float64 {
	const digits = 3
	held, round := v.Value.Most+margin*math.Abs(v.Value.Most), math.Ceil
	if v.AtLeast {
		held, round = v.Value.Least-margin*math.Abs(v.Value.Least), math.Floor
	}
	if held == 0 {
		return 0
	}
	scale := math.Pow(10, digits-1-math.Floor(math.Log10(math.Abs(held))))
	return round(held*scale) / scale
}
