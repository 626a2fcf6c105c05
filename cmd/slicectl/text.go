package main

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slicegate/slicegate/internal/api/client"
)

// table is rows of cells: the first column is aligned left, the others right.
type table [][]string

func (t table) write(b *strings.Builder, indent string) {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t {
		b.WriteString(indent)
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
				continue
			}
			b.WriteString("  " + pad + cell)
		}
		b.WriteString("\n")
	}
}

// rate writes bits per second in the unit that leaves one to three digits before the point.
func rate(bps uint64) string {
	return scaled(bps, []string{" bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s"})
}

// size writes bytes; a kB has a thousand, as a Mbit has a million.
func size(bytes uint64) string {
	return scaled(bytes, []string{" B", " kB", " MB", " GB", " TB", " PB", " EB"})
}

// delay writes µs.
func delay(us uint64) string {
	return scaled(us, []string{" µs", " ms", " s"})
}

// percent writes part of whole; a little is not nothing.
func percent(part, whole uint64) string {
	p := 100 * float64(part) / float64(whole)
	if part > 0 && p < 0.1 {
		return "<0.1%"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + "%"
}

// scaled gives n with three significant digits in the largest of units, each a thousand of the one before, that keeps it at 1
// or more.
func scaled(n uint64, units []string) string {
	v, unit := float64(n), 0
	for unit+1 < len(units) && v >= 999.5 {
		v /= 1000
		unit++
	}
	digits := 0
	switch {
	case unit == 0:
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + units[unit]
}

// clean keeps names that others chose from steering the terminal.
func clean(s string) string { return client.Printable(s) }

// indented is clean for a text that may have several lines, such as all mistakes in a file: each but the first is indented.
func indented(s, indent string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = clean(strings.ReplaceAll(line, "\t", "  "))
		if i > 0 && line != "" {
			lines[i] = indent + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}
