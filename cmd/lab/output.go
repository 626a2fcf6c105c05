package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/lab"
)

// test runs the kernel tests, or those that the options name, and prints a line a program.
func test(ctx context.Context, bench *lab.Bench, kernels []string, o options) error {
	var programs []lab.Program
	for _, p := range lab.KernelTests() {
		if o.packages == "" || slices.Contains(strings.Split(o.packages, ","), p.Package) {
			p.Run = o.run
			programs = append(programs, p)
		}
	}
	reports, err := bench.Test(ctx, kernels, programs)
	for _, report := range reports {
		if report == nil {
			continue
		}
		for _, r := range report.Runs {
			fmt.Printf("%-5s %-18s %3d passed %3d failed %3d skipped  until %s of the guest's clock\n", report.Kernel.Name, r.Program.Package,
				r.Count("pass"), r.Count("fail"), r.Count("skip"), r.Ended.Round(time.Second))
		}
	}
	return err
}

// writeJSON prints figures with the kernel that they are from.
func writeJSON(kernel string, figures []lab.Figure) error {
	out := json.NewEncoder(os.Stdout)
	for _, f := range figures {
		line := struct {
			Kernel string `json:"kernel"`
			lab.Figure
		}{kernel, f}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
