// Command lab runs scenarios and kernel tests on Debian's kernels, in virtual machines with virtual time, and prints what they found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/slicegate/slicegate/internal/lab"
)

type options struct {
	full, tests, json, hold, write bool
	kernels, packages, run         string
	without, from                  string
	seeds, atOnce                  int
}

const (
	allKernels = "6.12,6.1"
	allSeeds   = 3
)

func main() {
	var o options
	flag.BoolVar(&o.full, "full", os.Getenv("FULL") == "1", "every scenario on every kernel (FULL=1 in the environment)")
	flag.BoolVar(&o.tests, "tests", false, "run the kernel tests instead of scenarios")
	flag.BoolVar(&o.json, "json", false, "print figures as lines of JSON, each when it is measured, instead of tables")
	flag.BoolVar(&o.hold, "hold", false, "print the lines of internal/lab/shortfalls.go that the figures need, instead of tables")
	flag.BoolVar(&o.write, "write", false, "write the lab's part of docs/performance.md and its charts, also when not everything ran")
	flag.StringVar(&o.kernels, "kernels", allKernels, "which kernels, separated by commas")
	flag.StringVar(&o.packages, "packages", "", "the kernel tests of which packages, separated by commas; empty means all")
	flag.StringVar(&o.run, "run", "", "which scenarios or tests, as for go test -run; empty means the bench's choice")
	flag.StringVar(&o.without, "without", "", "with -run: a qdisc that the kernels are to lack, such as fq_codel for TestFallbackLeaf")
	flag.StringVar(&o.from, "from", "", "measure nothing: take the figures of these files, separated by commas; a run's are in "+keptFigures)
	flag.IntVar(&o.seeds, "seeds", allSeeds, "how often each scenario runs")
	flag.IntVar(&o.atOnce, "vms", 2, "virtual machines at once")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.from != "" {
		figures, err := readFigures(strings.Split(o.from, ","))
		if err != nil {
			return err
		}
		return report(ctx, o, figures, o.write)
	}
	return onBench(ctx, o)
}

// onBench runs what the options choose in guests.
func onBench(ctx context.Context, o options) (err error) {
	bench := &lab.Bench{Module: ".", Cache: cache, AtOnce: o.atOnce, Log: os.Stderr}
	if err := bench.Open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bench.Close()) }()
	kernels := strings.Split(o.kernels, ",")
	if o.tests {
		return test(ctx, bench, kernels, o)
	}
	var seeds []uint64
	for n := range o.seeds {
		seeds = append(seeds, uint64(n+1))
	}
	figures, err := measure(ctx, bench, grids(kernels, o), seeds, o)
	whole := err == nil && o.run == "" && o.kernels == allKernels && o.seeds >= allSeeds
	err = errors.Join(err, report(context.WithoutCancel(ctx), o, figures, o.write || whole))
	if whole {
		err = errors.Join(err, lab.Missing(lab.Judge(figures), o.full))
	}
	return err
}

// grids are what to measure on the given kernels.
func grids(kernels []string, o options) (chosen []lab.Grid) {
	all := lab.Reduced
	if o.full {
		all = lab.Full()
	}
	for _, kernel := range kernels {
		if o.run != "" {
			chosen = append(chosen, lab.Grid{Kernel: kernel, Run: o.run, Without: o.without})
			continue
		}
		for _, grid := range all {
			if grid.Kernel == kernel {
				chosen = append(chosen, grid)
			}
		}
	}
	return chosen
}
