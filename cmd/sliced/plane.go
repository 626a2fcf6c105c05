package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/running"
	"github.com/slicegate/slicegate/shaper"
)

// plane has the shaper carry out the running configuration.
type plane struct {
	log    *slog.Logger
	shaper *shaper.Shaper

	mu      sync.Mutex // guards shaping
	shaping shaper.Config
}

// current gives the configuration in force, live changes included, as the shaper has it.
func (p *plane) current() shaper.Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shaping
}

// Set implements running.Box.
func (p *plane) Set(ctx context.Context, cfg *config.Config) error {
	_, err := p.enforce(ctx, cfg, func(ctx context.Context, cfg shaper.Config) (shaper.Result, error) {
		return shaper.Result{}, p.shaper.Set(ctx, cfg)
	})
	return err
}

// Apply implements running.Box.
func (p *plane) Apply(ctx context.Context, cfg *config.Config) (running.Report, error) {
	return p.enforce(ctx, cfg, p.shaper.Apply)
}

func (p *plane) enforce(ctx context.Context, cfg *config.Config, do func(context.Context, shaper.Config) (shaper.Result, error)) (running.Report, error) {
	numbers, err := p.shaper.Number(namesOf(cfg))
	if err != nil {
		return running.Report{}, err
	}
	shaping, err := shaperConfig(cfg, numbers)
	if err != nil {
		return running.Report{}, err
	}
	did, err := do(ctx, shaping)
	if err != nil && !errors.Is(err, shaper.ErrUnfinished) {
		return running.Report{}, err
	}
	if err != nil {
		p.log.Error("apply_incomplete", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shaping = shaping
	return reportOf(did, err), nil
}

// reportOf gives a result's account; an error without a step of its own is one, too.
func reportOf(did shaper.Result, err error) running.Report {
	r := running.Report{Done: each(did.Done, stepOf), Problems: each(did.Problems, problemOf)}
	for _, f := range did.Failed {
		r.Failed = append(r.Failed, running.Failure{Step: stepOf(f.Step), Why: f.Err.Error()})
	}
	for _, s := range did.Skipped {
		r.Failed = append(r.Failed, running.Failure{Step: stepOf(s), Why: "not tried, since one before it failed"})
	}
	if err != nil && len(r.Failed) == 0 {
		r.Failed = []running.Failure{{Why: err.Error()}}
	}
	return r
}

// each converts a list.
func each[From, To any](list []From, convert func(From) To) []To {
	converted := make([]To, len(list))
	for i, v := range list {
		converted[i] = convert(v)
	}
	return converted
}

func problemOf(p shaper.Problem) running.Problem { return running.Problem(p) }

func stepOf(s shaper.Step) running.Step {
	return running.Step{Op: s.Op.String(), Kind: s.Kind(), Dev: s.Dev(), Object: s.Name(), Text: s.Text()}
}

// Plan implements running.Box.
func (p *plane) Plan(ctx context.Context, cfg *config.Config) (running.Plan, error) {
	numbers, err := p.shaper.Foresee(namesOf(cfg))
	if err != nil {
		return running.Plan{}, err
	}
	shaping, err := shaperConfig(cfg, numbers)
	if err != nil {
		return running.Plan{}, err
	}
	todo, err := p.shaper.Reconciler().Plan(ctx, shaping)
	return running.Plan{Steps: each(todo.Steps, stepOf), Problems: each(todo.Problems, problemOf)}, err
}

// Pause implements running.Box.
func (p *plane) Pause(ctx context.Context) error { return p.shaper.Reconciler().Pause(ctx) }

// Resume implements running.Box.
func (p *plane) Resume(ctx context.Context) error { return p.shaper.Reconciler().Resume(ctx) }

// Teardown implements running.Box.
func (p *plane) Teardown(ctx context.Context) ([]string, error) {
	return p.shaper.Reconciler().Teardown(ctx)
}
