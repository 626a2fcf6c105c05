package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/metrics"
	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/shaper"
)

// agent is the box as its API shows it: the configuration in force, and the parts that carry it out.
type agent struct {
	log       *slog.Logger
	shaper    *shaper.Shaper
	metrics   *metrics.Listener
	overrides string // file in which live changes are kept
	scraped   string // address of metrics since the start

	changing sync.Mutex // held while the configuration changes, so that changes come one after the other

	mu       sync.Mutex     // guards what follows
	file     *config.Config // as the operator wrote it
	live     config.Overrides
	shaping  shaper.Config
	reload   *api.Problem // the file that SIGHUP found broken
	leftOver []config.Dropped
}

// errNotApplied marks a configuration that is in force, but which the kernel refused in part. The reconciler tries again by itself,
// and names what is missing in status.
var errNotApplied = errors.New("not all of it could be applied yet")

// newAgent reads the live changes of earlier starts from the state directory, and leaves out those that the file no longer takes.
func newAgent(log *slog.Logger, stateDir string, file *config.Config, s *shaper.Shaper) *agent {
	a := &agent{log: log, shaper: s, overrides: filepath.Join(stateDir, "overrides.json"), scraped: file.Metrics.Listen, file: file}
	stored, err := config.LoadOverrides(a.overrides)
	if err != nil {
		log.Error("overrides_unreadable", "error", err)
	}
	a.live = stored
	return a
}

// put makes file and live changes the configuration in force, and reconciles.
func (a *agent) put(ctx context.Context, file *config.Config, live config.Overrides) error {
	cfg, kept, dropped, err := file.WithStored(live)
	if err != nil {
		return err
	}
	for _, d := range dropped {
		a.log.Warn("override_dropped", "slice", d.Override.Slice, "uplink", d.Override.Uplink, "reason", d.Why.Error())
	}
	numbers, err := a.shaper.Number(namesOf(cfg))
	if err != nil {
		return err
	}
	shaping, err := shaperConfig(cfg, numbers)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.file, a.live, a.shaping, a.leftOver = file, kept, shaping, dropped
	a.mu.Unlock()
	if err := a.shaper.Set(ctx, shaping); err != nil {
		a.log.Error("apply_incomplete", "error", err)
		return fmt.Errorf("%w: %w", errNotApplied, err)
	}
	return nil
}

// current gives the configuration in force, and what is wrong with how it came about.
func (a *agent) current() (shaper.Config, []api.Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var problems []api.Problem
	if a.reload != nil {
		problems = append(problems, *a.reload)
	}
	if a.file.Metrics.Listen != a.scraped {
		problems = append(problems, api.Problem{
			What: fmt.Sprintf("metrics.listen is now %q, metrics are still on %q", a.file.Metrics.Listen, a.scraped),
			Do:   "restart sliced when it suits; shaping goes on meanwhile",
		})
	}
	for _, d := range a.leftOver {
		problems = append(problems, api.Problem{
			What: fmt.Sprintf("a live change of slice %s is not in force: %v", d.Override.Slice, d.Why),
			Do:   "set it again with slicectl slice set, or leave it",
		})
	}
	return a.shaping, problems
}

// start puts the first configuration in force.
func (a *agent) start(ctx context.Context) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.put(ctx, a.file, a.live); !errors.Is(err, errNotApplied) {
		return err
	}
	return nil
}

// reloadFile is SIGHUP: what does not load leaves the old configuration in force, and is a problem until the next reload.
func (a *agent) reloadFile(ctx context.Context, load func() (*config.Config, error)) {
	a.changing.Lock()
	defer a.changing.Unlock()
	file, err := load()
	if err == nil {
		err = a.put(ctx, file, a.live)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reload = nil
	if err != nil && !errors.Is(err, errNotApplied) {
		a.log.Error("reload_failed", "error", err)
		a.reload = &api.Problem{
			What: fmt.Sprintf("reload failed, the old configuration stays: %v", err),
			Do:   "mend the file, then reload again",
		}
		return
	}
	a.log.Info("reloaded")
}

// SetSlice implements api.Agent.
func (a *agent) SetSlice(ctx context.Context, c api.SliceChange) error {
	change, err := config.ParseSliceOverride(c.Name, c.Uplink, c.Min, c.Max)
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.change(ctx, a.live.Set(change))
}

// ResetSlice implements api.Agent.
func (a *agent) ResetSlice(ctx context.Context, name, uplink string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.known(name, uplink); err != nil {
		return err
	}
	return a.change(ctx, a.live.Reset(name, uplink))
}

// known refuses names that the configuration does not have; "" is every name.
func (a *agent) known(name, uplink string) error {
	var err error
	if name != "" {
		err = errors.New("no slice is named " + name)
		for _, s := range a.file.Slices {
			if s.Name == name {
				err = nil
			}
		}
	}
	if uplink != "" {
		missing := errors.New("no uplink is named " + uplink)
		for _, u := range a.file.Uplinks {
			if u.Name == uplink {
				missing = nil
			}
		}
		err = errors.Join(err, missing)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	return nil
}

// change keeps live changes over restarts, then carries them out. What the file would not take changes nothing.
func (a *agent) change(ctx context.Context, live config.Overrides) error {
	if _, err := a.file.With(live); err != nil {
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	if err := live.Save(a.overrides); err != nil {
		return err
	}
	return a.put(ctx, a.file, live)
}

// Teardown implements api.Agent.
func (a *agent) Teardown(ctx context.Context) (api.TeardownReport, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	left, err := a.shaper.Reconciler().Teardown(ctx)
	return api.TeardownReport{NotRestored: left}, err
}

// Ready implements api.Agent.
func (a *agent) Ready() <-chan struct{} { return a.shaper.Reconciler().Ready() }
