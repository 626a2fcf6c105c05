package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slicegate/slicegate/internal/lab"
)

type options struct {
	full, tests, json, hold, write bool
	kernels, packages              []string // those that are meant, each once
	run, without, from             string
	seeds, atOnce                  int
}

const allSeeds, mostSeeds = 3, 100

// lackable are the qdiscs that kernels have built in, so that they can be told to do without.
var lackable = []string{"fq_codel"}

// parse reads the command line, and FULL of the environment. What is wrong with them is said here, before anything is compiled.
func parse(args []string, full string) (o options, err error) {
	allKernels, allPackages := known()
	flags := flag.NewFlagSet("lab", flag.ExitOnError)
	flags.BoolVar(&o.full, "full", full == "1", "every scenario on every kernel (FULL=1 in the environment)")
	flags.BoolVar(&o.tests, "tests", false, "run the kernel tests instead of scenarios")
	flags.BoolVar(&o.json, "json", false, "print figures as lines of JSON, each when it is measured, instead of tables")
	flags.BoolVar(&o.hold, "hold", false, "print the list of internal/lab/shortfalls.go that the figures need, instead of tables")
	flags.BoolVar(&o.write, "write", false, "write the lab's part of docs/performance.md and its charts, also when not everything ran")
	kernels := flags.String("kernels", strings.Join(allKernels, ","), "which kernels, separated by commas")
	packages := flags.String("packages", "", "with -tests: the kernel tests of which packages, separated by commas; empty means all")
	flags.StringVar(&o.run, "run", "", "which scenarios or tests, as for go test -run; empty means the bench's choice")
	flags.StringVar(&o.without, "without", "", "with -run: a qdisc that the kernels are to lack, such as fq_codel for TestFallbackLeaf")
	flags.StringVar(&o.from, "from", "", "measure nothing: take the figures of these files, separated by commas; a run's are in "+keptFigures)
	flags.IntVar(&o.seeds, "seeds", allSeeds, "how often each scenario runs")
	flags.IntVar(&o.atOnce, "vms", 2, "virtual machines at once")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: -run says what to run", flags.Arg(0))
	case full != "" && full != "0" && full != "1":
		return o, fmt.Errorf("unexpected FULL=%s in the environment: 1 means every scenario, 0 or nothing a reduced run", full)
	case *packages != "" && !o.tests:
		return o, errors.New("-packages is of the kernel tests: add -tests")
	}
	if o.kernels, err = among(allKernels, *kernels); err != nil {
		return o, fmt.Errorf("-kernels: %w", err)
	}
	if o.packages = allPackages; *packages != "" {
		if o.packages, err = among(allPackages, *packages); err != nil {
			return o, fmt.Errorf("-packages: %w", err)
		}
	}
	var given []string
	flags.Visit(func(f *flag.Flag) { given = append(given, f.Name) })
	return o, o.check(given)
}

// check says which options mean nothing, or nothing together; given are those that the command line has.
func (o options) check(given []string) error {
	firstGiven := func(names ...string) string { // as it is written; "" for none
		i := slices.IndexFunc(names, func(name string) bool { return slices.Contains(given, name) })
		if i < 0 {
			return ""
		}
		return "-" + names[i]
	}
	_, unreadable := regexp.Compile(o.run)
	idle := firstGiven("tests", "run", "without", "kernels", "packages", "seeds", "vms", "json")
	untested := firstGiven("seeds", "json", "hold", "write")
	switch {
	case o.seeds < 1 || o.seeds > mostSeeds:
		return fmt.Errorf("-seeds %d: from 1 to %d", o.seeds, mostSeeds)
	case o.atOnce < 1:
		return fmt.Errorf("-vms %d runs nothing: at least 1", o.atOnce)
	case unreadable != nil:
		return fmt.Errorf("-run: %w", unreadable)
	case o.from != "" && idle != "":
		return fmt.Errorf("-from runs nothing: leave out %s, or -from", idle)
	case slices.Contains(strings.Split(o.from, ","), "") && o.from != "":
		return fmt.Errorf("-from %q: a name between commas is missing", o.from)
	case o.tests && untested != "":
		return fmt.Errorf("-tests measures nothing: leave out %s, or -tests", untested)
	case o.full && (o.tests || o.run != ""):
		return errors.New("FULL=1 or -full is every scenario and every test: leave it out where -tests or -run says what to run")
	case o.without != "" && (o.tests || o.run == ""):
		return errors.New("-without is of scenarios that are named: add -run, such as -run TestFallbackLeaf, without -tests")
	case o.without != "" && !slices.Contains(lackable, o.without):
		return fmt.Errorf("-without %s: kernels can do without %s", o.without, strings.Join(lackable, ", "))
	}
	return nil
}

// whole tells whether a run without errors has measured all that there is to measure, reduced or full.
func (o options) whole() bool {
	return o.run == "" && len(o.kernels) == len(lab.Kernels) && o.seeds >= allSeeds
}

// known are the kernels, the newest first, and the packages that have kernel tests.
func known() (kernels, packages []string) {
	for _, k := range lab.Kernels {
		kernels = append(kernels, k.Name)
	}
	slices.Reverse(kernels)
	for _, p := range lab.KernelTests() {
		packages = append(packages, p.Package)
	}
	return kernels, packages
}

// among are those of all that a list with commas names. They keep the order of all, so that the list is a set.
func among(all []string, list string) (named []string, err error) {
	words := strings.Split(list, ",")
	for i, word := range words {
		words[i] = strings.TrimSpace(word)
		if !slices.Contains(all, words[i]) {
			return nil, fmt.Errorf("%q is unknown: name some of %s", words[i], strings.Join(all, ", "))
		}
	}
	for _, name := range all {
		if slices.Contains(words, name) {
			named = append(named, name)
		}
	}
	return named, nil
}
