package lab

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// State is what a run says of a bound.
type State string

// The states.
const (
	Met        State = "met"
	Short      State = "short"        // missed, but not beyond what it is held to
	Broken     State = "broken"       // missed, and beyond what it is held to, or held to nothing
	Unmeasured State = "not measured" // its figure, or its rival's, is not in the run
)

// Verdict is a bound on one kernel in one run.
type Verdict struct {
	Bound
	Kernel string
	State  State
	Unit   string
	Value  Summary  // of the seeds
	Limit  float64  // what the bound comes to in this run
	Held   *float64 // what a shortfall is held to; nil without one
	// Reached says that the figure meets all of its bounds, so that its shortfall can go.
	Reached bool
}

// Judge holds figures to bounds, by their medians over seeds, on each kernel that they are from. Of other kernels it has the bounds that
// are held to something, unmeasured.
func Judge(all []Figure) []Verdict { return judge(inOrder(all), Bounds(), shortfalls) }

func judge(all []Figure, bounds []Bound, short []Shortfall) (verdicts []Verdict) {
	var kernels []string
	values, units := make(measured), make(map[string]string) // units by names, which have one each
	for _, f := range all {
		at := place{f.Kernel, f.key()}
		if !slices.Contains(kernels, f.Kernel) {
			kernels = append(kernels, f.Kernel)
		}
		values[at], units[f.Name] = append(values[at], f.Value), f.Unit
	}
	held, ran := make(map[place]float64), len(kernels)
	for _, s := range short {
		held[place{s.Kernel, s.Key}] = s.Held
		if !slices.Contains(kernels, s.Kernel) {
			kernels = append(kernels, s.Kernel)
		}
	}
	for n, kernel := range kernels {
		missed := make(map[Key]bool)
		for _, b := range bounds {
			at := place{kernel, b.Key}
			v := Verdict{Bound: b, Kernel: kernel, Unit: units[b.summands()[0]], State: Unmeasured}
			if value, ok := held[at]; ok {
				v.Held = &value
			} else if n >= ran {
				continue // nothing of this kernel is in the run
			}
			rival, ok := values.of(place{kernel, b.Rival}), b.Rival == Key{}
			if own := values.of(at); len(own) > 0 && (ok || len(rival) > 0) {
				v.settle(own, rival)
			}
			missed[b.Key] = missed[b.Key] || v.State != Met
			verdicts = append(verdicts, v)
		}
		for i, v := range verdicts {
			verdicts[i].Reached = v.Reached || v.Kernel == kernel && v.State == Met && v.Held != nil && !missed[v.Key]
		}
	}
	return verdicts
}

// place is a figure of a kernel, and measured its values, in the order of seeds.
type place struct {
	kernel string
	Key
}
type measured map[place][]float64

// of gives the values of a figure, or the sums, by seed, of those that its name joins; none if one of them lacks a seed.
func (m measured) of(at place) (values []float64) {
	for i, name := range at.summands() {
		at.Name = name
		more := m[at]
		if i == 0 {
			values = slices.Clone(more)
			continue
		}
		if len(more) != len(values) {
			return nil
		}
		for n := range values {
			values[n] += more[n]
		}
	}
	return values
}

// settle says what a measured bound's state is.
func (v *Verdict) settle(own, rival []float64) {
	v.Value = summarise(own)
	if len(rival) > 0 {
		v.Limit = v.limit(summarise(rival).Median)
	} else {
		v.Limit = v.limit(0)
	}
	switch {
	case !v.worse(v.Value.Median, v.Limit):
		v.State = Met
	case v.Held != nil && !v.worse(v.Value.Median, *v.Held):
		v.State = Short
	default:
		v.State = Broken
	}
}

// Failures are an error for each broken bound: the run has regressed, or a new shortfall has no line yet.
func Failures(verdicts []Verdict) error {
	var errs []error
	for _, v := range verdicts {
		if v.State == Broken {
			errs = append(errs, fmt.Errorf("kernel %s: %s is %s %s, want %s (%s)%s",
				v.Kernel, v.Key, v.Value, v.Unit, v.Words(), number(v.Limit), v.heldWords()))
		}
	}
	return errors.Join(errs...)
}

// Missing is an error for what a whole run was to measure and did not: every bound, or in a reduced run as many of each scenario as it
// should.
func Missing(verdicts []Verdict, full bool) error {
	var errs []error
	measured := make(map[[2]string]int)
	for _, v := range verdicts {
		switch {
		case v.State != Unmeasured:
			measured[[2]string{v.Kernel, v.Scenario}]++
		case full:
			errs = append(errs, fmt.Errorf("kernel %s: %s was not measured", v.Kernel, v.Key))
		}
	}
	for kernel, scenarios := range reducedBounds {
		for scenario, want := range scenarios {
			if n := measured[[2]string{kernel, scenario}]; n < want {
				errs = append(errs, fmt.Errorf("kernel %s: %d bounds of %q were measured, of %d", kernel, n, scenario, want))
			}
		}
	}
	return errors.Join(errs...)
}

func (v Verdict) heldWords() string {
	if v.Held == nil {
		return ""
	}
	return fmt.Sprintf(", held at %.6g", *v.Held)
}

// says is the verdict in words.
func (v Verdict) says() string {
	switch {
	case v.Reached:
		return "met: its shortfall can go"
	case v.State == Met:
		return string(v.State)
	}
	return string(v.State) + v.heldWords()
}

// unseen are the shortfalls of which the run says nothing, in words. One with several bounds was seen if it missed one of them.
func unseen(verdicts []Verdict) (lines []string) {
	told := make(map[Shortfall]bool)
	at := func(v Verdict) Shortfall { return Shortfall{Kernel: v.Kernel, Key: v.Key} }
	for _, v := range verdicts {
		told[at(v)] = told[at(v)] || v.State == Short || v.State == Broken
	}
	for _, v := range verdicts {
		if v.Held != nil && v.State == Unmeasured && !told[at(v)] {
			told[at(v)] = true
			held := strings.TrimSpace(fmt.Sprintf("%.6g %s", *v.Held, v.Unit)) // no unit if no figure of that name is in the run
			lines = append(lines, fmt.Sprintf("%s %s: held at %s, not measured in this run", v.Kernel, v.Key, held))
		}
	}
	return lines
}

// WriteVerdicts writes a line for each bound that was measured, or for each if all is said; how many there are of each kind; and which
// shortfalls were not seen, unless their lines say so already.
func WriteVerdicts(w io.Writer, verdicts []Verdict, all bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "bound\tmedian (range)\tlimit\twant\t")
	for _, v := range verdicts {
		switch {
		case v.State != Unmeasured:
			fmt.Fprintf(out, "%s %s\t%s %s\t%s\t%s\t%s\n", v.Kernel, v.Key, v.Value, v.Unit, number(v.Limit), v.Words(), v.says())
		case all:
			fmt.Fprintf(out, "%s %s\t\t\t%s\t%s\n", v.Kernel, v.Key, v.Words(), v.says())
		}
	}
	fmt.Fprintln(out, tally(verdicts))
	if !all {
		for _, line := range unseen(verdicts) {
			fmt.Fprintln(out, line)
		}
	}
	return out.Flush()
}

// tally counts verdicts.
func tally(verdicts []Verdict) string {
	count := make(map[State]int)
	for _, v := range verdicts {
		count[v.State]++
	}
	var words []string
	for _, s := range []State{Met, Short, Broken, Unmeasured} {
		words = append(words, fmt.Sprintf("%d %s", count[s], s))
	}
	return strings.Join(words, ", ")
}
