package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/metrics"
	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/running"
)

// agent is the box as its API shows it: the configuration in force, and the parts that carry it out.
type agent struct {
	*plane
	running *running.Running
	metrics *metrics.Listener
	scraped string // address of metrics since the start
}

// problems gives what the parts complain of.
func (a *agent) problems() []api.Problem {
	ps := each(a.running.Problems(), shownProblem)
	if listen := a.running.File().Metrics.Listen; listen != a.scraped {
		ps = append(ps, api.Problem{
			What: fmt.Sprintf("metrics.listen is now %q, metrics are still on %q", listen, a.scraped),
			Do:   "restart sliced when it suits; shaping goes on meanwhile",
		})
	}
	for _, p := range a.shaper.Problems() {
		ps = append(ps, api.Problem(p))
	}
	return append(ps, a.metrics.Problems()...)
}

// fault makes an error of the running configuration one of the API.
func fault(err error) error {
	switch {
	case errors.Is(err, running.ErrInvalid):
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	case errors.Is(err, running.ErrNothingPending):
		return &api.Fault{Type: api.TypeNothingPending, Status: http.StatusConflict, Detail: err.Error()}
	case errors.Is(err, running.ErrTornDown):
		return &api.Fault{Type: api.TypeFailed, Status: http.StatusConflict, Detail: err.Error()}
	}
	return err
}

func sourceOf(file *api.File) *running.Source {
	if file == nil {
		return nil
	}
	return &running.Source{Name: file.Name, Text: string(file.Text)}
}

// Plan implements api.Agent.
func (a *agent) Plan(ctx context.Context, file *api.File) (api.Plan, error) {
	plan, err := a.running.Plan(ctx, sourceOf(file))
	return api.Plan{Steps: each(plan.Steps, shownStep), Problems: each(plan.Problems, shownProblem)}, fault(err)
}

// Apply implements api.Agent.
func (a *agent) Apply(ctx context.Context, file *api.File, confirm time.Duration) (api.Applied, error) {
	report, err := a.running.Apply(ctx, sourceOf(file), confirm)
	applied := appliedOf(report)
	if confirm > 0 {
		applied.ConfirmS = new(confirm.Seconds())
	}
	return applied, fault(err)
}

func appliedOf(r running.Report) api.Applied {
	return api.Applied{
		Steps: each(r.Done, shownStep), Problems: each(r.Problems, shownProblem),
		Failed: each(r.Failed, func(f running.Failure) api.FailedStep {
			return api.FailedStep{Step: shownStep(f.Step), Error: f.Why}
		}),
	}
}

func shownStep(s running.Step) api.Step { return api.Step(s) }

func shownProblem(p running.Problem) api.Problem { return api.Problem(p) }

// Confirm implements api.Agent.
func (a *agent) Confirm(context.Context) error { return fault(a.running.Confirm()) }

// Rollback implements api.Agent.
func (a *agent) Rollback(ctx context.Context) (api.Applied, error) {
	report, err := a.running.Rollback(ctx)
	return appliedOf(report), fault(err)
}

// Pause implements api.Agent.
func (a *agent) Pause(ctx context.Context, d time.Duration) error {
	return fault(a.running.Pause(ctx, d))
}

// Resume implements api.Agent.
func (a *agent) Resume(ctx context.Context) error { return fault(a.running.Resume(ctx)) }

// SetSlice implements api.Agent.
func (a *agent) SetSlice(ctx context.Context, c api.SliceChange) error {
	change, err := config.ParseSliceOverride(c.Name, c.Uplink, c.Min, c.Max)
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	return fault(a.running.SetSlice(ctx, change))
}

// ResetSlice implements api.Agent.
func (a *agent) ResetSlice(ctx context.Context, name, uplink string) error {
	return fault(a.running.ResetSlice(ctx, name, uplink))
}

// SetUplink implements api.Agent.
func (a *agent) SetUplink(ctx context.Context, c api.UplinkChange) error {
	change, err := config.ParseUplinkOverride(c.Name, c.Download, c.Upload)
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	return fault(a.running.SetUplink(ctx, change))
}

// ResetUplink implements api.Agent.
func (a *agent) ResetUplink(ctx context.Context, name string) error {
	return fault(a.running.ResetUplink(ctx, name))
}

// Teardown implements api.Agent.
func (a *agent) Teardown(ctx context.Context) (api.TeardownReport, error) {
	left, err := a.running.Teardown(ctx)
	return api.TeardownReport{NotRestored: left}, err
}

// Ready implements api.Agent.
func (a *agent) Ready() <-chan struct{} { return a.shaper.Reconciler().Ready() }
