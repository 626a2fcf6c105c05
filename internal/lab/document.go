package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Document is the lab's part of docs/performance.md, and the charts that it shows.
type Document struct {
	Module  string   // the module's folder
	Origins []Origin // of the figures, a run each
}

// Where things are in the module.
const (
	documentPath = "docs/performance.md"
	chartFolder  = "docs/lab"
	drawFolder   = "cmd/draw" // a module of its own: what it needs is none of the product's
)

// The marks between which the document is the lab's.
const (
	beginMark = "<!-- make lab writes from here -->"
	endMark   = "<!-- to here -->"
)

// Write draws the charts anew, and writes the lab's part. Everything else in the document stays.
func (d Document) Write(ctx context.Context, figures []Figure, verdicts []Verdict) error {
	path := filepath.Join(d.Module, documentPath)
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	drawn := charts(figures)
	after, err := between(string(before), originWords(d.Origins)+markdown(figures, verdicts, drawn))
	if err != nil {
		return fmt.Errorf("write %s: %w", documentPath, err)
	}
	if err := d.draw(ctx, drawn); err != nil {
		return fmt.Errorf("draw charts: %w", err)
	}
	return os.WriteFile(path, []byte(after), 0o644)
}

// draw leaves the charts, and no others, in their folder. The old ones stay until all are drawn: it may be interrupted, or find no network
// to fetch what it draws with.
func (d Document) draw(ctx context.Context, drawn []Chart) error {
	folder, err := filepath.Abs(filepath.Join(d.Module, chartFolder))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(folder, "drawing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	lines, err := json.Marshal(drawn)
	if err != nil {
		return err
	}
	if _, err := pipe(ctx, filepath.Join(d.Module, drawFolder), string(lines), "go", "run", ".", "-out", fresh); err != nil {
		return err
	}
	current := make(map[string]bool)
	for _, c := range drawn {
		path := filepath.Join(folder, c.Name+".svg")
		if err := os.Rename(filepath.Join(fresh, c.Name+".svg"), path); err != nil {
			return err
		}
		current[path] = true
	}
	all, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	for _, path := range all {
		if !current[path] {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// between puts text between the marks.
func between(document, text string) (string, error) {
	head, rest, begun := strings.Cut(document, beginMark+"\n")
	_, foot, ended := strings.Cut(rest, endMark)
	if !begun || !ended {
		return "", fmt.Errorf("found no line %s with %s after it: put both where the lab's part is to be", beginMark, endMark)
	}
	return head + beginMark + "\n" + text + endMark + foot, nil
}

// markdown is the lab's part: how the bounds stand, charts, and a table for each scenario on each kernel.
func markdown(figures []Figure, verdicts []Verdict, drawn []Chart) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nMedians of the seeds, with their range where they differ. Bounds: %s.\n", tally(verdicts))
	missed := slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return v.State != Short && v.State != Broken })
	if len(missed) > 0 {
		b.WriteString("\nMissed:\n\n" + verdictTable(missed))
	}
	if lines := unseen(verdicts); len(lines) > 0 {
		b.WriteString("\nKnown to fall short:\n\n- " + strings.Join(lines, "\n- ") + "\n")
	}
	if met := slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return v.State != Met }); len(met) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Met: %d</summary>\n\n%s\n</details>\n", len(met), verdictTable(met))
	}
	for _, c := range drawn {
		fmt.Fprintf(&b, "\n![%s](%s/%s.svg)\n", c.Title, filepath.Base(chartFolder), c.Name)
	}
	for _, t := range scenarioTables(figures) {
		fmt.Fprintf(&b, "\n### %s\n\n%s", t.title, t.markdown())
	}
	b.WriteString("\n")
	return b.String()
}

func verdictTable(verdicts []Verdict) string {
	var b strings.Builder
	b.WriteString("| kernel | figure | median (range) | limit | want | |\n|---|---|---|---|---|---|\n")
	for _, v := range verdicts {
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s | %s |\n", v.Kernel, v.Key, v.Value, v.Unit, number(v.Limit), v.Words(), v.says())
	}
	return b.String()
}

func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| case | %s |\n|%s\n", strings.Join(t.columns, " | "), strings.Repeat("---|", len(t.columns)+1))
	for _, row := range t.rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row, strings.Join(t.cellsOf(row), " | "))
	}
	return b.String()
}
