package lab

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Summary is what the seeds of one figure come to.
type Summary struct {
	Median, Least, Most float64
}

// summarise needs at least one value.
func summarise(values []float64) Summary {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Summary{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Least: sorted[0], Most: sorted[n-1]}
}

func (s Summary) String() string {
	if s.Least == s.Most {
		return fmt.Sprintf("%.2f", s.Median)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Least, s.Most)
}

// table is a case of a scenario: a row a treatment, a column a figure.
type table struct {
	title         string
	rows, columns []string
	cells         map[[2]string][]float64 // by row and column: a value a seed
}

// tables sorts figures into tables, in the order in which things appear.
func tables(kernel string, all []Figure) (sorted []*table) {
	for _, f := range all {
		title := fmt.Sprintf("%s: %s (kernel %s)", f.Scenario, f.Case, kernel)
		i := slices.IndexFunc(sorted, func(t *table) bool { return t.title == title })
		if i < 0 {
			i = len(sorted)
			sorted = append(sorted, &table{title: title, cells: make(map[[2]string][]float64)})
		}
		t, column := sorted[i], f.Name+", "+f.Unit
		if !slices.Contains(t.rows, f.Treatment) {
			t.rows = append(t.rows, f.Treatment)
		}
		if !slices.Contains(t.columns, column) {
			t.columns = append(t.columns, column)
		}
		cell := [2]string{f.Treatment, column}
		t.cells[cell] = append(t.cells[cell], f.Value)
	}
	return sorted
}

// WriteTables writes a table for each case of each scenario. A cell is the median of the seeds, with their range where they differ.
func WriteTables(w io.Writer, kernel string, all []Figure) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range tables(kernel, all) {
		fmt.Fprintf(out, "%s\n\t%s\n", t.title, strings.Join(t.columns, "\t"))
		for _, row := range t.rows {
			fmt.Fprint(out, row)
			for _, column := range t.columns {
				cell := "–"
				if values := t.cells[[2]string{row, column}]; len(values) > 0 {
					cell = summarise(values).String()
				}
				fmt.Fprint(out, "\t", cell)
			}
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}
