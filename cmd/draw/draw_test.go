package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const charts = `[
	{"Name": "delay", "Title": "Delay of calls", "Value": "ms", "Log": true, "Curves": [
		{"Name": "ours", "Colour": "#d55e00", "Values": [-0.1, 0.5, 0.7]}, {"Name": "nothing", "Colour": "#999999", "Values": [100, 200, 300], "Lost": 4.3}]},
	{"Name": "cost", "Title": "Cost of a packet", "Value": "ns", "Groups": ["one device", "many devices"], "Bars": [
		{"Name": "ours", "Colour": "#d55e00", "Bars": [{"Group": 0, "Median": 5, "Least": 4, "Most": 7}, {"Group": 1, "Median": 6, "Least": 6, "Most": 6}]},
		{"Name": "cake", "Colour": "#009e73", "Bars": [{"Group": 1, "Median": 123.4, "Least": 9, "Most": 200}]}]},
	{"Name": "none", "Title": "Nothing above zero", "Value": "ms", "Log": true, "Groups": ["a"], "Bars": [
		{"Name": "ours", "Colour": "#d55e00", "Bars": [{"Group": 0, "Median": 0, "Least": -1, "Most": 0}]}]},
	{"Name": "growth", "Title": "Growth", "Value": "ms", "Groups": ["a", "b"], "Bars": [
		{"Name": "ours", "Colour": "#d55e00", "Bars": [{"Group": 0, "Median": 6, "Least": 5, "Most": 7}, {"Group": 1, "Median": -1.5, "Least": -2, "Most": -1}]}]}
]`

// shownBy is what a chart shows in words.
func shownBy(t *testing.T, path string) string {
	t.Helper()
	svg, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer svg.Close()
	var all strings.Builder
	for tokens := xml.NewDecoder(svg); ; {
		token, err := tokens.Token()
		if err != nil {
			if err.Error() != "EOF" {
				t.Fatalf("%s is not XML: %v", path, err)
			}
			return all.String()
		}
		if words, ok := token.(xml.CharData); ok {
			all.Write(words)
		}
	}
}

// Charts say what they show: title, names, values and groups.
func TestDraw(t *testing.T) {
	folder := t.TempDir()
	if err := run(strings.NewReader(charts), folder); err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][]string{
		"delay": {"Delay of calls", "ours", "nothing", "ms", "0.5", "100", "% of packets sent"},
		"cost":  {"Cost of a packet", "ours", "cake", "one device", "many devices", "123"},
		"none":  {"Nothing above zero", "ours"},
		// What is less than nothing is shown, too.
		"growth": {"Growth", "ours", "-1.5"},
	} {
		shown := shownBy(t, filepath.Join(folder, name+".svg"))
		for _, word := range words {
			if !strings.Contains(shown, word) {
				t.Errorf("%s does not show %q:\n%s", name, word, shown)
			}
		}
	}
}

// A curve ends at the share of packets that came back.
func TestCurveEndsAtWhatCameBack(t *testing.T) {
	for lost, end := range map[float64]float64{0: 100, 4: 96, 100: 0} {
		c := curve{Values: make([]float64, 100), Lost: lost}
		points := c.points(newScale(false, c.Values))
		if got := points[len(points)-1].Y; got < end-0.001 || got > end+0.001 {
			t.Errorf("%v %% lost: the curve ends at %v, want %v", lost, got, end)
		}
	}
}

// The same chart is the same file, whenever it is drawn.
func TestDrawRepeats(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, folder := range []string{first, second} {
		if err := run(strings.NewReader(charts), folder); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"delay.svg", "cost.svg"} {
		one, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(one) != string(other) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"no JSON":           `{`,
		"a field unknown":   `[{"Name": "x", "Colours": 7}]`,
		"no colour":         `[{"Name": "x", "Curves": [{"Name": "ours", "Colour": "red", "Values": [1, 2]}]}]`,
		"a bar in no group": `[{"Name": "x", "Bars": [{"Name": "ours", "Colour": "#000000", "Bars": [{"Group": 1, "Median": 1}]}], "Groups": ["a"]}]`,
	} {
		if err := run(strings.NewReader(in), t.TempDir()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A logarithmic axis begins at a power of ten below all values, unless that is too far away.
func TestScale(t *testing.T) {
	for _, test := range []struct {
		values []float64
		floor  float64
	}{
		{[]float64{0.3, 20}, 0.1},
		{[]float64{-1, 0, 3}, 1},
		{[]float64{1e-9, 100}, 1e-3},
		{[]float64{-1}, 1},
	} {
		s := newScale(true, test.values)
		if s.floor/test.floor < 0.999 || s.floor/test.floor > 1.001 {
			t.Errorf("%v: floor %v, want %v", test.values, s.floor, test.floor)
		}
		if at := s.at(test.floor * 10); at < 0.999 || at > 1.001 {
			t.Errorf("%v: ten times the floor is at %v, want 1", test.values, at)
		}
		if at := s.at(-5); at != 0 {
			t.Errorf("%v: less than nothing is at %v, want 0", test.values, at)
		}
	}
}
