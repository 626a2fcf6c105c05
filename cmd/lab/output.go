package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/slicegate/slicegate/internal/lab"
)

// Where the lab keeps kernels, and the figures of the last run.
const (
	cache       = ".cache/lab"
	keptFigures = cache + "/figures.jsonl"
)

// test runs the kernel tests, or those that the options name, and prints a line a program: where standard output is for figures or a list,
// on standard error.
func test(ctx context.Context, bench *lab.Bench, o options) error {
	var programs []lab.Program
	for _, p := range lab.KernelTests() {
		if slices.Contains(o.packages, p.Package) {
			p.Run = o.run
			programs = append(programs, p)
		}
	}
	out := os.Stdout
	if o.json || o.hold {
		out = os.Stderr
	}
	reports, err := bench.Test(ctx, o.kernels, programs)
	for _, report := range reports {
		if report == nil {
			continue
		}
		for _, r := range report.Runs {
			fmt.Fprintf(out, "%-5s %-18s %3d passed %3d failed %3d skipped  until %s of the guest's clock\n", report.Kernel.Name, r.Program.Package,
				r.Count("pass"), r.Count("fail"), r.Count("skip"), r.Ended.Round(time.Second))
		}
	}
	return err
}

// measure measures, and says what with.
func measure(ctx context.Context, bench *lab.Bench, grids []lab.Grid, seeds []uint64, o options) ([]lab.Figure, lab.Origin, error) {
	origin, err := bench.Origin(ctx, grids)
	if err != nil {
		return nil, origin, err
	}
	figures, err := measureFrom(ctx, bench, grids, seeds, origin, o)
	return figures, origin, err
}

// measureFrom keeps and prints each figure at once: a run that is broken off has what it had.
func measureFrom(ctx context.Context, bench *lab.Bench, grids []lab.Grid, seeds []uint64, origin lab.Origin, o options) ([]lab.Figure, error) {
	head, err := headOf(origin)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	kept := &keeper{path: keptFigures, head: head}
	fmt.Fprintf(os.Stderr, "lab: figures are kept in %s as they come\n", keptFigures)
	var unwritten error
	bench.Seen = func(f lab.Figure) {
		line, err := json.Marshal(f)
		line = append(line, '\n')
		if err == nil && o.json {
			_, err = os.Stdout.Write(line)
		}
		if unwritten = cmp.Or(unwritten, err); unwritten == nil { // what can't be kept once is not tried again
			_, unwritten = kept.Write(line)
		}
	}
	figures, err := bench.Measure(ctx, grids, seeds)
	return figures, errors.Join(err, unwritten, kept.Close())
}

// report says what figures there are, and how they stand to their bounds. The error is of those that are broken. Of no figures there is
// nothing to say, and nothing is written over the last ones.
func report(ctx context.Context, o options, figures []lab.Figure, origins []lab.Origin, write bool) error {
	if len(figures) == 0 {
		return errors.New("no figures: nothing was judged, and nothing written")
	}
	verdicts := lab.Judge(figures)
	var err error
	switch {
	case o.hold:
		err = lab.WriteShortfalls(os.Stdout, os.Stderr, verdicts)
	case !o.json:
		err = errors.Join(lab.WriteTables(os.Stdout, figures), lab.WriteVerdicts(os.Stdout, verdicts, o.full))
	}
	if write {
		err = errors.Join(err, lab.Document{Module: ".", Origins: origins}.Write(ctx, figures, verdicts))
	}
	return errors.Join(err, lab.Failures(verdicts))
}
