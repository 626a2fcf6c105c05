package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bench runs guests of one build of the module.
type Bench struct {
	Module  string       // the module's folder
	Cache   string       // where kernels stay
	AtOnce  int          // guests that run at the same time; 0 means 1
	Log     io.Writer    // is told what goes on
	Seen    func(Figure) // is told each figure as it is measured, one at a time; may be nil
	dir     string
	talking sync.Mutex // guards Log, and calls of Seen
}

// Open makes the bench ready. Its caller closes it.
func (b *Bench) Open() (err error) {
	b.dir, err = os.MkdirTemp("", "slicegate-lab-build-")
	return err
}

// Close removes what was built.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// scenarioTimeout bounds all scenarios of one guest by its own clock, and guestTimeout by the host's.
const (
	scenarioTimeout = 4 * time.Hour
	guestTimeout    = 2 * time.Hour
)

// Test runs programs on the named kernels, and reports on each kernel, also when tests failed.
func (b *Bench) Test(ctx context.Context, kernels []string, programs []Program) ([]*Report, error) {
	var errands []errand
	for _, name := range kernels {
		e := errand{kernel: name, what: "tests"}
		for _, p := range programs {
			e.programs = append(e.programs, p.on(name))
		}
		errands = append(errands, e)
	}
	return b.run(ctx, errands)
}

// Measure runs the scenarios of grids once for each seed, or once, and returns the figures in the order of grids and seeds. Beside an
// error there are the figures that were measured all the same.
func (b *Bench) Measure(ctx context.Context, grids []Grid, seeds []uint64) (figures []Figure, err error) {
	var errands []errand
	for _, grid := range grids {
		for i, seed := range seeds {
			if grid.Once && i > 0 {
				break
			}
			errands = append(errands, errand{
				kernel: grid.Kernel, without: grid.Without, programs: []Program{grid.program(seed)}, what: fmt.Sprintf("scenarios, seed %d", seed),
			})
		}
	}
	reports, err := b.run(ctx, errands)
	for _, report := range reports {
		if report == nil {
			continue
		}
		if len(report.Figures) == 0 {
			err = errors.Join(err, fmt.Errorf("kernel %s: the scenarios printed no figure", report.Kernel.Name))
		}
		figures = append(figures, report.Figures...)
	}
	return figures, err
}

// errand is what one guest is started for.
type errand struct {
	kernel, without, what string
	programs              []Program
}

// run runs guests, some at once. A guest that fails does not stop the others.
func (b *Bench) run(ctx context.Context, errands []errand) ([]*Report, error) {
	var kernels []string
	var programs []Program
	for _, e := range errands {
		kernels, programs = append(kernels, e.kernel), append(programs, e.programs...)
	}
	images, err := b.images(ctx, kernels)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	tree, err := compile(ctx, b.Module, b.dir, programs)
	if err != nil {
		return nil, fmt.Errorf("compile for the lab: %w", err)
	}
	b.say("compiled in %s", time.Since(began).Round(time.Second))

	reports, errs := make([]*Report, len(errands)), make([]error, len(errands))
	var running errgroup.Group // for its limit
	running.SetLimit(max(b.AtOnce, 1))
	for i, e := range errands {
		running.Go(func() error {
			reports[i], errs[i] = b.runOne(ctx, e, images[e.kernel], tree)
			return nil
		})
	}
	if err := running.Wait(); err != nil {
		return nil, err
	}
	return reports, errors.Join(errs...)
}

// images are kernels by their names. They are fetched before anything is compiled, and one at a time: of two apt-get update at
// once one fails.
func (b *Bench) images(ctx context.Context, names []string) (map[string]Image, error) {
	images := make(map[string]Image)
	for _, name := range names {
		if _, ok := images[name]; ok {
			continue
		}
		kernel, err := kernelNamed(name)
		if err != nil {
			return nil, err
		}
		if images[name], err = kernel.Fetch(ctx, b.Cache); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func (b *Bench) runOne(ctx context.Context, e errand, image Image, tree string) (*Report, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("kernel %s: %s: not begun: %w", e.kernel, e.what, context.Cause(ctx))
	}
	b.say("kernel %s: %s begin", image.Release, e.what)
	report, err := Guest{Image: image, Tree: tree, Programs: e.programs, Virtual: true, Timeout: guestTimeout, Without: e.without, Seen: b.see}.Run(ctx)
	if report != nil {
		b.say("kernel %s: %s took %s, %s of them processor time", image.Release, e.what, report.Took.Round(time.Second), report.CPU.Round(time.Second))
		err = errors.Join(err, report.Err())
	}
	return report, err
}

func (b *Bench) see(f Figure) {
	if b.Seen == nil {
		return
	}
	b.talking.Lock()
	defer b.talking.Unlock()
	b.Seen(f)
}

func (b *Bench) say(format string, args ...any) {
	b.talking.Lock()
	defer b.talking.Unlock()
	fmt.Fprintf(b.Log, "lab: "+format+"\n", args...)
}
