package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Chart is what cmd/draw draws, as JSON: curves over a value, or groups of bars.
type Chart struct {
	Name   string // of the file, without its ending
	Title  string
	Value  string // what the axis of values shows, with its unit
	Log    bool   // whether that axis is logarithmic
	Curves []Curve
	Groups []string // of bars, from left to right
	Bars   []Bars
}

// Curve is a distribution: the values at the percentiles 1 to 100 of what came back.
type Curve struct {
	Name, Colour string // colour as #rrggbb
	Values       []float64
	Lost         float64 // in % of what was sent
}

// Bars are those of one name, at most one in a group.
type Bars struct {
	Name, Colour string
	Bars         []Bar
}

// Bar is the median of some seeds and their range.
type Bar struct {
	Group               int // index
	Median, Least, Most float64
}

// colours are told apart by all eyes (M. Okabe, K. Ito); a treatment has the same in each chart. Its order is the charts'.
var colours = []struct{ treatment, colour string }{
	{nothing, "#999999"},
	{fqCodel, "#56b4e9"},
	{cakeBestEffort, "#e69f00"},
	{cakeDiffserv, "#009e73"},
	{ours, "#d55e00"},
	{"ours, in a call's slice", "#cc79a7"},
	{"ours, quantum of 300 bytes", "#0072b2"},
}

// charted is the kernel that charts are of: tables have the other.
const charted = "6.12"

// charts are those that the figures suffice for.
func charts(all []Figure) (drawn []Chart) {
	figures := make(map[Key][]Figure)
	for _, f := range all {
		if f.Kernel == charted {
			figures[f.key()] = append(figures[f.key()], f)
		}
	}
	rates := []string{"1", "3", "5", "20", "100"}
	for _, way := range []string{"up", "down"} {
		in := func(mbit string) string { return fmt.Sprintf("one slice, %s, %s Mbit/s", way, mbit) }
		for _, mbit := range rates {
			drawn = append(drawn, distribution(figures, Chart{
				Name:  fmt.Sprintf("delay-%s-%s", way, mbit),
				Title: fmt.Sprintf("A call's added round trip beneath 4 TCP flows %s, %s Mbit/s", way, mbit),
			}, Key{Scenario: "isolation", Case: in(mbit), Name: "call"}))
		}
		bars := func(name, title, value, figure string, log bool) {
			drawn = append(drawn, comparison(figures, Chart{
				Name: name + "-" + way, Title: fmt.Sprintf("%s, 4 TCP flows %s in one slice", title, way), Value: value, Log: log,
			}, rates, " Mbit/s", func(mbit string) Key { return Key{Scenario: "isolation", Case: in(mbit), Name: figure} }))
		}
		bars("call-p99", "A call's added round trip, p99", "ms", "call p99", true)
		bars("signalling-p99", "Added round trip of a call's set-up, p99", "ms", "signalling p99", true)
		bars("goodput", "Goodput of bulk", "Mbit/s", "bulk", true)
		crowds := []string{"1 devices, 1 flows", "500 devices, 7500 flows", "4000 devices, 60000 flows"}
		drawn = append(drawn, comparison(figures, Chart{
			Name: "cost-" + way, Title: "What a forwarded packet of 1500 bytes costs the box, " + way, Value: "instructions",
		}, crowds, "", func(crowd string) Key {
			return Key{Scenario: "cost", Case: fmt.Sprintf("%s, %s, 1500 bytes", crowd, way), Name: "box"}
		}))
	}
	drawn = append(drawn, otherCharts(figures, rates)...)
	return slices.DeleteFunc(drawn, func(c Chart) bool { return len(c.Curves) == 0 && len(c.Bars) == 0 })
}

// otherCharts are bars of what has no distribution of its own: calls beneath other mixes of flows, and scenarios besides isolation and cost.
func otherCharts(figures map[Key][]Figure, rates []string) (drawn []Chart) {
	bars := func(c Chart, groups []string, unit string, of func(group string) Key) {
		drawn = append(drawn, comparison(figures, c, groups, unit, of))
	}
	for _, mix := range []string{"one slice, both", "two slices, up", "two slices, down", "two slices, both"} {
		bars(Chart{
			Name: "call-p99-" + strings.NewReplacer(", ", "-", " ", "-").Replace(mix), Title: "A call's added round trip, p99, 4 TCP flows, " + mix, Value: "ms", Log: true,
		}, rates, " Mbit/s", func(mbit string) Key {
			return Key{Scenario: "isolation", Case: fmt.Sprintf("%s, %s Mbit/s", mix, mbit), Name: "call p99"}
		})
	}
	for _, mbit := range []string{"5", "20"} {
		abused := func(name string) func(string) Key {
			return func(abuse string) Key {
				return Key{Scenario: "abuse", Case: fmt.Sprintf("%s, %s Mbit/s", abuse, mbit), Name: name}
			}
		}
		bars(Chart{Name: "abuse-call-" + mbit, Title: "What one device's abuse adds to a call's p99, " + mbit + " Mbit/s", Value: "ms"}, abuses, "", abused("call p99 grows"))
		bars(Chart{Name: "abuse-share-" + mbit, Title: "What the abuser gets, " + mbit + " Mbit/s", Value: "× an honest device's"}, abuses, "", abused("abuser's share"))
	}
	bars(Chart{Name: "same-device", Title: "A small flow's added round trip, p99, beside uploads of its own device", Value: "ms", Log: true},
		[]string{"4 uploads, 5 Mbit/s", "4 uploads, 20 Mbit/s"}, "", func(uploads string) Key { return Key{Scenario: "same device", Case: uploads, Name: "sparse p99"} })
	for _, of := range []struct{ probe, words string }{{"call", "A call's"}, {"sparse", "A small flow's, of a device that uploads too,"}} {
		bars(Chart{Name: "leaves-" + of.probe, Title: of.words + " added round trip, p99, beside an upload of each device", Value: "ms", Log: true},
			uploadCrowds, "", func(crowd string) Key { return Key{Scenario: "leaves", Case: crowd, Name: of.probe + " p99"} })
	}
	return drawn
}

// distribution fills a chart with a curve a treatment: at each percentile the median of the seeds, and so of what was lost.
func distribution(figures map[Key][]Figure, c Chart, probe Key) Chart {
	c.Value, c.Log = "ms above the idle path's median", true
	var counts []int
	for _, t := range colours {
		added, lost := probe.under(t.treatment), probe.under(t.treatment)
		added.Name, lost.Name = probe.Name+" added", probe.Name+" lost"
		seeds := figures[added]
		if len(seeds) == 0 {
			continue
		}
		counts = append(counts, len(seeds))
		curve := Curve{Name: t.treatment, Colour: t.colour}
		for percentile := range seeds[0].Spread {
			var values []float64
			for _, f := range seeds {
				values = append(values, f.Spread[percentile])
			}
			curve.Values = append(curve.Values, summarise(values).Median)
		}
		if values := valuesOf(figures[lost]); len(values) > 0 {
			curve.Lost = summarise(values).Median
		}
		c.Curves = append(c.Curves, curve)
	}
	c.Title += seedWords(counts)
	return c
}

func valuesOf(figures []Figure) (values []float64) {
	for _, f := range figures {
		values = append(values, f.Value)
	}
	return values
}

// seedWords end a title: how many seeds are behind each thing that a chart shows.
func seedWords(counts []int) string {
	if len(counts) == 0 {
		return ""
	}
	switch least, most := slices.Min(counts), slices.Max(counts); {
	case most == 1:
		return " (1 seed)"
	case least == most:
		return fmt.Sprintf(" (%d seeds)", most)
	default:
		return fmt.Sprintf(" (%d to %d seeds)", least, most)
	}
}

// comparison fills a chart with a bar a treatment in each group. Groups that have none are left out.
func comparison(figures map[Key][]Figure, c Chart, groups []string, unit string, of func(group string) Key) Chart {
	groups = slices.DeleteFunc(slices.Clone(groups), func(group string) bool {
		return !slices.ContainsFunc(colours, func(t struct{ treatment, colour string }) bool {
			return len(figures[of(group).under(t.treatment)]) > 0
		})
	})
	for _, group := range groups {
		c.Groups = append(c.Groups, group+unit)
	}
	var counts []int
	for _, t := range colours {
		bars := Bars{Name: t.treatment, Colour: t.colour}
		for i, group := range groups {
			if values := valuesOf(figures[of(group).under(t.treatment)]); len(values) > 0 {
				counts = append(counts, len(values))
				s := summarise(values)
				bars.Bars = append(bars.Bars, Bar{Group: i, Median: s.Median, Least: s.Least, Most: s.Most})
			}
		}
		if len(bars.Bars) > 0 {
			c.Bars = append(c.Bars, bars)
		}
	}
	c.Title += seedWords(counts)
	return c
}
