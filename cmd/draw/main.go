// Command draw draws the lab's charts: a list of them as JSON from standard input, an SVG file each. It is a module of its own, so that
// the plotting library is none of the product's dependencies; the lab starts it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// chart is as in package lab: curves over a value, or groups of bars.
type chart struct {
	Name   string // of the file, without its ending
	Title  string
	Value  string // what the axis of values shows
	Log    bool   // whether that axis is logarithmic
	Curves []curve
	Groups []string
	Bars   []bars
}

// curve is a distribution: the values at the percentiles 1 to 100 of what came back.
type curve struct {
	Name, Colour string
	Values       []float64
	Lost         float64 // in % of what was sent
}

// bars are those of one name, at most one in a group.
type bars struct {
	Name, Colour string
	Bars         []bar
}

type bar struct {
	Group               int
	Median, Least, Most float64
}

func main() {
	out := flag.String("out", ".", "folder for the files")
	flag.Parse()
	if err := run(os.Stdin, *out); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, folder string) error {
	lines := json.NewDecoder(in)
	lines.DisallowUnknownFields()
	var charts []chart
	if err := lines.Decode(&charts); err != nil {
		return fmt.Errorf("read charts: %w", err)
	}
	for _, c := range charts {
		svg, err := c.svg()
		if err != nil {
			return fmt.Errorf("draw %s: %w", c.Name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, c.Name+".svg"), svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}
