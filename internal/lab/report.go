package lab

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Report is what a guest's programs did.
type Report struct {
	Kernel Image
	Took   time.Duration // by the host's clock, from start to end
	CPU    time.Duration // of the host's processors
	Runs   []Run         // in the order of the programs, without one that broke off
	// Figures are those of all programs, also of one that broke off.
	Figures []Figure
}

// Run is what one program did.
type Run struct {
	Program Program
	Status  int           // exit status; 137 when it was killed
	Ended   time.Duration // by the guest's clock, since it booted
	Tests   []Test
	Output  string // of failed tests, or of a program that broke off
}

// Test is the verdict about one test or subtest.
type Test struct {
	Name    string
	Verdict string        // pass, fail or skip
	Took    time.Duration // by the guest's clock
	Output  string        // of one that failed or was skipped
}

// Err says why the run is not a success: it failed, it broke off, or it tested nothing.
func (r Run) Err() error {
	switch {
	case r.Status != 0:
		return fmt.Errorf("%s: exit status %d\n%s", r.Program.Package, r.Status, r.failures())
	case r.Count("pass") == 0 && r.Count("skip") == 0:
		return fmt.Errorf("%s: no test ran (-run %q)", r.Program.Package, r.Program.Run)
	}
	return nil
}

// Count tells how many tests had a verdict, subtests aside.
func (r Run) Count(verdict string) (n int) {
	for _, t := range r.Tests {
		if t.Verdict == verdict && !strings.Contains(t.Name, "/") {
			n++
		}
	}
	return n
}

// failures is what failed tests wrote; of a program that broke off, all of its last words.
func (r Run) failures() string {
	var text strings.Builder
	for _, t := range r.Tests {
		if t.Verdict == "fail" {
			fmt.Fprintf(&text, "--- FAIL: %s (%s)\n%s", t.Name, t.Took, t.Output)
		}
	}
	if text.Len() == 0 || r.Status != 1 {
		text.Write(tail([]byte(r.Output)))
	}
	return text.String()
}

// Err joins the runs' errors, under the kernel's name.
func (r *Report) Err() error {
	var errs []error
	for _, run := range r.Runs {
		if err := run.Err(); err != nil {
			errs = append(errs, fmt.Errorf("kernel %s: %w", r.Kernel.Name, err))
		}
	}
	return errors.Join(errs...)
}

// The guest's own lines.
var (
	upLine   = regexp.MustCompile(`(?m)^lab: up (\S+)$`)
	runLines = regexp.MustCompile(`(?ms)^lab: begin \S+$\n(.*?)^lab: exit (\d+) at ([\d.]+)$`)
	lacking  = regexp.MustCompile(`(?m)^lab: no .*$`)
	offLine  = regexp.MustCompile(`(?m)^lab: off$`)
)

// read makes a report of what came over the programs' serial port. The error says what is missing.
func read(ctx context.Context, image Image, programs []Program, written []byte) (*Report, error) {
	report := &Report{Kernel: image}
	if !upLine.Match(written) {
		return report, errors.New("did not boot")
	}
	if line := lacking.Find(written); line != nil {
		return report, errors.New(string(line))
	}
	ends := runLines.FindAllSubmatch(written, -1)
	for i, match := range ends[:min(len(ends), len(programs))] {
		run := Run{Program: programs[i]}
		run.Status, _ = strconv.Atoi(string(match[2]))
		seconds, _ := strconv.ParseFloat(string(match[3]), 64)
		run.Ended = time.Duration(seconds * float64(time.Second))
		if err := run.read(ctx, match[1]); err != nil {
			return report, err
		}
		report.Runs = append(report.Runs, run)
	}
	switch {
	case len(ends) < len(programs):
		return report, fmt.Errorf("broke off in %s", programs[len(ends)].Package)
	case !offLine.Match(written):
		return report, errors.New("broke off after the last program")
	}
	return report, nil
}
