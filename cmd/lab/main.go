// Command lab runs scenarios and kernel tests on Debian's kernels, in virtual machines with virtual time, and prints what they found.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/slicegate/slicegate/internal/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Getenv("FULL"))
	if err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.from != "" {
		figures, origins, err := readFigures(strings.Split(o.from, ","))
		if err != nil {
			return err
		}
		err = report(ctx, o, figures, origins, o.write)
		if o.full || o.write { // the figures are to be a whole run's
			err = errors.Join(err, lab.Missing(lab.Judge(figures), o.full), lab.Absent(figures, o.full))
		}
		return err
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
	if o.tests {
		return test(ctx, bench, o)
	}
	var seeds []uint64
	for n := range o.seeds {
		seeds = append(seeds, uint64(n+1))
	}
	figures, origin, err := measure(ctx, bench, grids(o), seeds, o)
	whole := err == nil && o.whole()
	err = errors.Join(err, report(context.WithoutCancel(ctx), o, figures, []lab.Origin{origin}, o.write || whole))
	if whole {
		err = errors.Join(err, lab.Missing(lab.Judge(figures), o.full), lab.Absent(figures, o.full))
	}
	if o.full && ctx.Err() == nil {
		err = errors.Join(err, test(ctx, bench, o))
	}
	return err
}

// grids are what to measure.
func grids(o options) (chosen []lab.Grid) {
	all := lab.Reduced
	if o.full {
		all = lab.Full()
	}
	for _, kernel := range o.kernels {
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
