package shaper

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxRounds bounds how often one reconcile looks again, after it changed something or was overtaken.
const maxRounds = 5

// errUnsettled is what a kernel gets that does not keep what is written.
var errUnsettled = errors.New("the kernel is not as it was told to be, however often")

// reconcileLocked brings the kernel to the configuration, and looks again until there is nothing left to do. It says what it did.
func (r *Reconciler) reconcileLocked(ctx context.Context, why reason) (Result, error) {
	if r.want == nil {
		return Result{}, nil
	}
	out := outcome{result: Unchanged, err: errUnsettled, drift: why == onDrift && !r.failed, known: why == onReaction && r.failed}
	if (why == onDemand || why == onReaction) && r.retuneLocked(ctx, &out, why) {
		return out.did, nil
	}
	r.settled = nil
	for range maxRounds {
		again, err := r.roundLocked(ctx, &out)
		if errors.Is(err, ErrStale) || err == nil && again {
			continue
		}
		out.err = err
		break
	}
	if out.err != nil {
		out.result = Failed
	}
	r.looked = time.Now()
	if r.failed = out.err != nil; !r.failed && inPlace(out.last) {
		r.settleLocked(out)
	}
	r.finishLocked(&out)
	return out.did, out.err
}

// outcome is what a reconcile came to.
type outcome struct {
	result   string
	err      error
	observed State
	judged   judgement
	last     []Step // of the last round
	did      Result // done in all rounds; failed and skipped in the last
	reshaped bool   // objects were made or removed
	drift    bool   // nothing explains what differs but somebody else
	known    bool   // what fails did so before, and Run, which tries it again, tells of it
}

// roundLocked looks, plans and applies once. again says that a look afterwards is due: a removal may have taken more along than was
// planned.
func (r *Reconciler) roundLocked(ctx context.Context, out *outcome) (again bool, err error) {
	cfg := r.targetLocked()
	if out.observed, err = r.kernel.Observe(ctx); err != nil {
		return false, err
	}
	seen := interfacesOf(cfg, out.observed)
	out.drift = out.drift && maps.Equal(seen, r.seen) // what one round finds of the interfaces explains what the next ones do
	r.seen = seen
	var p Plan
	p, out.judged, err = r.planLocked(cfg, out.observed)
	out.last = p.Steps
	if err != nil || p.Empty() {
		return false, err
	}
	p.refused = r.takeLocked(p.Steps, out.judged.take)
	reshapes := slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Op != Change })
	if reshapes && r.cfg.BeforeApply != nil {
		r.cfg.BeforeApply()
	}
	could := r.kernel.noSplitter == nil
	result, err := r.kernel.Apply(ctx, p)
	if errors.Is(err, ErrStale) {
		return false, err
	}
	if why := r.kernel.noSplitter; could && why != nil {
		r.log.Warn("no_splitter", "error", why)
		err, reshapes = nil, true // something else is desired now
	}
	out.did.Done = append(out.did.Done, result.Done...)
	out.did.Failed, out.did.Skipped = result.Failed, result.Skipped
	if len(result.Done) > 0 {
		out.result = Changed
		out.reshaped = out.reshaped || reshapes
		r.reportLocked(out.drift, p, result)
	}
	return reshapes, err
}

// takeLocked remembers what the steps are about to take. Where that can't be written down they are refused: what was there could not be
// put back.
func (r *Reconciler) takeLocked(steps []Step, take map[string]*SavedRoot) (refused map[int]error) {
	refused = make(map[int]error)
	failed := make(map[string]error) // by interface
	for place, was := range take {
		if err := r.roots.take(place, was); err != nil {
			failed[strings.TrimSuffix(place, clsactOf(""))] = err
		}
	}
	for i, s := range steps {
		if err := failed[s.Dev()]; err != nil {
			refused[i] = err
			delete(failed, s.Dev()) // the rest of the group goes with it
		}
	}
	return refused
}

func (r *Reconciler) reportLocked(drift bool, p Plan, result Result) {
	debug := r.log.Enabled(context.Background(), slog.LevelDebug) // else nobody reads what is costly to write
	for _, s := range result.Done {
		switch {
		case drift:
			r.log.Warn("drift_healed", "step", s.String())
		case s.Op == Change: // autorate and the guard make many
			if debug {
				r.log.Debug("applied", "step", s.String())
			}
		default:
			r.log.Info("applied", "step", s.String())
		}
	}
	if drift {
		r.fights.record(time.Now(), p)
	}
}

// interfacesOf are the interfaces of a configuration as they were observed.
func interfacesOf(cfg Config, observed State) map[string]Interface {
	seen := make(map[string]Interface)
	for _, dev := range cfg.devices() {
		if link, ok := observed.Interfaces[dev]; ok {
			link.Up = false // going down and up changes nothing of ours
			seen[dev] = link
		}
	}
	return seen
}
