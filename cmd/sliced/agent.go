package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
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

	mu       sync.Mutex       // guards what follows
	file     *config.Config   // as the operator wrote it
	live     config.Overrides // all of them, also those that the file does not take now
	unread   error            // why live changes of earlier starts could not be read
	shaping  shaper.Config
	reload   *api.Problem // the file that SIGHUP found broken
	leftOver []config.Dropped
}

// newAgent reads the live changes of earlier starts from the state directory, and leaves out those that the file no longer takes.
func newAgent(log *slog.Logger, stateDir string, file *config.Config, s *shaper.Shaper) *agent {
	a := &agent{log: log, shaper: s, overrides: filepath.Join(stateDir, "overrides.json"), scraped: file.Metrics.Listen, file: file}
	stored, err := config.LoadOverrides(a.overrides)
	if err != nil {
		log.Error("overrides_unreadable", "error", err)
	}
	a.live, a.unread = stored, err
	return a
}

// put makes file and live changes the configuration in force, and reconciles.
func (a *agent) put(ctx context.Context, file *config.Config, live config.Overrides) error {
	cfg, _, dropped, err := file.WithStored(live)
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
	err = a.shaper.Set(ctx, shaping)
	if err != nil && !errors.Is(err, shaper.ErrUnfinished) {
		return err
	}
	if err != nil {
		a.log.Error("apply_incomplete", "error", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.file, a.live, a.shaping, a.leftOver = file, live, shaping, dropped
	return err
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
	if a.unread != nil {
		problems = append(problems, api.Problem{
			What: fmt.Sprintf("live changes of earlier starts are not in force: %v", a.unread),
			Do:   "set them again; the file is kept under another name with the first change",
		})
	}
	for _, d := range a.leftOver {
		problems = append(problems, api.Problem{
			What: fmt.Sprintf("a live change of slice %s is not in force: %v", d.Override.Slice, d.Why),
			Do:   "it waits for a file that takes it; slicectl slice reset " + d.Override.Slice + " forgets it",
		})
	}
	return a.shaping, problems
}

// start puts the first configuration in force.
func (a *agent) start(ctx context.Context) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.put(ctx, a.file, a.live); !errors.Is(err, shaper.ErrUnfinished) {
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
	if err != nil && !errors.Is(err, shaper.ErrUnfinished) {
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
	live := a.live.Set(change)
	_, _, dropped, err := a.file.WithStored(live)
	if err != nil {
		return err
	}
	for _, d := range dropped {
		if d.Override.Slice == change.Slice && d.Override.Uplink == change.Uplink {
			return fmt.Errorf("%w: %w", api.ErrInvalid, d.Why)
		}
	}
	return a.change(ctx, live)
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

// known refuses names that neither the configuration nor a live change has; "" is every name.
func (a *agent) known(name, uplink string) error {
	slices, uplinks := map[string]bool{"": true}, map[string]bool{"": true}
	for _, s := range a.file.Slices {
		slices[s.Name] = true
	}
	for _, u := range a.file.Uplinks {
		uplinks[u.Name] = true
	}
	for _, o := range a.live.Slices {
		slices[o.Slice], uplinks[o.Uplink] = true, true
	}
	if !slices[name] {
		return fmt.Errorf("%w: no slice is named %s", api.ErrInvalid, name)
	}
	if !uplinks[uplink] {
		return fmt.Errorf("%w: no uplink is named %s", api.ErrInvalid, uplink)
	}
	return nil
}

// change keeps live changes over restarts, then carries them out. Those that can't be in force now are not kept either.
func (a *agent) change(ctx context.Context, live config.Overrides) error {
	if a.unread != nil { // what could not be read is kept, under another name
		if err := os.Rename(a.overrides, a.overrides+".bad"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep unreadable live changes: %w", err)
		}
	}
	if err := live.Save(a.overrides); err != nil {
		return err
	}
	a.mu.Lock()
	a.unread = nil
	a.mu.Unlock()
	err := a.put(ctx, a.file, live)
	if err != nil && !errors.Is(err, shaper.ErrUnfinished) {
		return errors.Join(err, a.live.Save(a.overrides))
	}
	return err
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
