package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/slicegate/slicegate/internal/api"
)

// What the made-up agent answers goes by a file's text: "broken" has a mistake, "refused" is refused by the kernel in part, "same" is
// in force already, "away" is so too but for uplinks that can't be shaped. The agent's own configuration changes a rate.

var rateStep = api.Step{Op: "change", Kind: "class", Dev: "eth0", Object: "5c1e:1", Text: "rate 19mbit (was 25mbit) ceil 19mbit (was 25mbit)"}

var linkStep = api.Step{Op: "add", Kind: "link", Dev: "ifb-lte", Text: "type ifb mtu 1500 alias slicegate state up"}

func (a *scriptAgent) Plan(_ context.Context, file *api.File) (api.Plan, error) {
	switch text(file) {
	case "broken":
		return api.Plan{}, fmt.Errorf("%w: %s:1: broken: want [section]", api.ErrInvalid, file.Name)
	case "same":
		return api.Plan{}, nil
	case "away":
		return api.Plan{Problems: []api.Problem{
			{What: "wan0: foreign root qdisc pfifo 7:", Do: "set adopt = true for uplink fibre to replace it, or remove it"},
			{What: "wwan0: no such interface (uplink lte)", Do: "plug it in, or correct its name; it is taken up when it appears"},
		}}, nil
	}
	return api.Plan{Steps: []api.Step{linkStep, rateStep}}, nil
}

func text(file *api.File) string {
	if file == nil {
		return ""
	}
	return string(file.Text[:len(file.Text)-1])
}

func (a *scriptAgent) Apply(ctx context.Context, file *api.File, confirm time.Duration) (api.Applied, error) {
	plan, err := a.Plan(ctx, file)
	if err != nil {
		return api.Applied{}, err
	}
	applied := api.Applied{Steps: plan.Steps, Problems: plan.Problems}
	if text(file) == "refused" {
		applied.Steps = plan.Steps[1:]
		applied.Failed = []api.FailedStep{{Step: linkStep, Error: "file exists"}, {Error: "no answer"}}
	}
	if confirm > 0 {
		applied.ConfirmS = new(confirm.Seconds())
		a.pending = true
	}
	return applied, a.record("apply %q confirm=%s\n", text(file), confirm)
}

func (a *scriptAgent) Confirm(context.Context) error {
	if !a.pending {
		return &api.Fault{Type: api.TypeNothingPending, Status: http.StatusConflict, Detail: "no change is pending"}
	}
	a.pending = false
	return a.record("confirm\n")
}

func (a *scriptAgent) Rollback(ctx context.Context) (api.Applied, error) {
	if err := a.Confirm(ctx); err != nil {
		return api.Applied{}, err
	}
	return api.Applied{Steps: []api.Step{rateStep}}, nil
}

func (a *scriptAgent) Pause(_ context.Context, d time.Duration) error {
	return a.record("pause %s\n", d)
}

func (a *scriptAgent) Resume(context.Context) error { return a.record("resume\n") }
