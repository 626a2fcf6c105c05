package lab

import (
	"fmt"
	"io"
	"math"
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
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Least), number(s.Most))
}

// number has two digits behind the point, where they matter.
func number(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// table has a row for what was compared, and a column a figure.
type table struct {
	title         string
	rows, columns []string
	cells         map[[2]string][]float64 // by row and column: a value a seed
}

// caseTables has a table for each case of a scenario, with a row a treatment.
func caseTables(all []Figure) []*table {
	return tables(all, func(f Figure) (title, row string) {
		return fmt.Sprintf("%s: %s (kernel %s)", f.Scenario, f.Case, f.Kernel), f.Treatment
	})
}

// scenarioTables has a table for each scenario, with a row for a treatment in a case.
func scenarioTables(all []Figure) []*table {
	return tables(all, func(f Figure) (title, row string) {
		return fmt.Sprintf("%s, kernel %s", f.Scenario, f.Kernel), f.Case + ": " + f.Treatment
	})
}

// tables sorts figures into tables, which are the same in whatever order guests measured. Distributions are for charts.
func tables(all []Figure, place func(Figure) (title, row string)) (sorted []*table) {
	for _, f := range inOrder(all) {
		if f.Spread != nil {
			continue
		}
		title, row := place(f)
		i := slices.IndexFunc(sorted, func(t *table) bool { return t.title == title })
		if i < 0 {
			i = len(sorted)
			sorted = append(sorted, &table{title: title, cells: make(map[[2]string][]float64)})
		}
		t, column := sorted[i], f.Name+", "+f.Unit
		if !slices.Contains(t.rows, row) {
			t.rows = append(t.rows, row)
		}
		if !slices.Contains(t.columns, column) {
			t.columns = append(t.columns, column)
		}
		cell := [2]string{row, column}
		t.cells[cell] = append(t.cells[cell], f.Value)
	}
	return sorted
}

// cellsOf are a row's, as text: the median of the seeds, with their range where they differ.
func (t *table) cellsOf(row string) (cells []string) {
	for _, column := range t.columns {
		cell := "–"
		if values := t.cells[[2]string{row, column}]; len(values) > 0 {
			cell = summarise(values).String()
		}
		cells = append(cells, cell)
	}
	return cells
}

// WriteTables writes a table for each case of each scenario.
func WriteTables(w io.Writer, all []Figure) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range caseTables(all) {
		fmt.Fprintf(out, "%s\n\t%s\n", t.title, strings.Join(t.columns, "\t"))
		for _, row := range t.rows {
			fmt.Fprintf(out, "%s\t%s\n", row, strings.Join(t.cellsOf(row), "\t"))
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}
