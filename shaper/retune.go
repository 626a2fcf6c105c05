package shaper

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// retuneLocked changes rates in place without a look at the kernel: after a look, and as long as nobody else is heard to change
// anything, the kernel is as that look left it. Where that is wrong after all, nothing is made that was not there, the event that is
// under way brings the next look, and what the kernel refuses brings one at once. It reports whether that was all there is to do.
func (r *Reconciler) retuneLocked(ctx context.Context, out *outcome) bool {
	if r.settled == nil || !r.follows || !r.heard.quiet() {
		return false
	}
	desired, judged, err := r.desiredLocked(r.targetLocked(), *r.settled)
	if err != nil {
		return false
	}
	steps, ok := retunes(*r.settled, desired)
	if !ok || len(steps) == 0 {
		return false
	}
	did := r.kernel.writer(*r.settled).change(ctx, steps)
	out.did.Done = did.Done
	r.reportLocked(false, Plan{Steps: steps}, did)
	if len(did.Failed)+len(did.Skipped) > 0 {
		return false
	}
	r.settleLocked(*r.settled, did.Done)
	out.result, out.err, out.observed, out.judged = Changed, nil, *r.settled, judged
	return true
}

// retunes gives the steps of Diff where all of them are changes of classes and queues in place. It is for many changes a second: it
// puts nothing into words, and sorts only what differs.
func retunes(observed, desired State) (steps []Step, ok bool) {
	if len(observed.Objects) != len(desired.Objects) {
		return nil, false
	}
	for id, want := range desired.Objects {
		have := observed.Objects[id]
		switch {
		case have == nil:
			return nil, false
		case rated(want, have): // most of what differs
		case alike(want, have):
			continue
		case id.Kind != ClassObject && id.Kind != QdiscObject, !fixedAlike(want.params(), have.params()):
			return nil, false
		}
		steps = append(steps, Step{Op: Change, Group: desired.group(id.Dev), Want: want, Have: have})
	}
	turn := make(map[string]int)
	for _, g := range desired.Groups {
		for _, dev := range g.Devices {
			turn[dev] = len(turn)
		}
	}
	slices.SortFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(turn[a.Dev()], turn[b.Dev()]), compareIDs(a.Object().ID(), b.Object().ID()))
	})
	return steps, true
}

// rated reports whether want is have with other rates, or another limit that follows from them.
func rated(want, have Object) bool {
	switch want := want.(type) {
	case Class:
		have, ok := have.(Class)
		differs := want.HTB.Rate.BytesPerSecond != have.HTB.Rate.BytesPerSecond || want.HTB.Ceil.BytesPerSecond != have.HTB.Ceil.BytesPerSecond
		return ok && want.Parent == have.Parent && differs
	case Qdisc:
		have, ok := have.(Qdisc)
		if !ok || want.Handle != have.Handle || want.Parent != have.Parent {
			return false
		}
		now, ok := want.Options.(tcnl.TBF)
		was, alsoOK := have.Options.(tcnl.TBF)
		return ok && alsoOK && now.Limit != was.Limit
	}
	return false
}

// change does steps that are all in place, at once. Where the kernel refuses one of them it has done the others all the same: so all are
// done again, one by one, which says which it refuses.
func (w writer) change(ctx context.Context, steps []Step) (did Result) {
	if w.fault == nil && w.changeAll(steps) == nil {
		return Result{Done: steps}
	}
	for _, s := range steps {
		r := w.run(ctx, []Step{s})
		did.Done, did.Failed, did.Skipped = append(did.Done, r.Done...), append(did.Failed, r.Failed...), append(did.Skipped, r.Skipped...)
	}
	return did
}

func (w writer) changeAll(steps []Step) error {
	objects := make([]tcnl.Changeable, 0, len(steps))
	for _, s := range steps {
		switch o := s.Want.(type) {
		case Class:
			objects = append(objects, w.tcnlClass(o))
		case Qdisc:
			objects = append(objects, changeable(w.tcnlQdisc(o)))
		}
	}
	if err := w.conn.ChangeAll(objects); err != nil {
		return err
	}
	for _, s := range steps {
		if q, ok := s.Want.(Qdisc); ok {
			w.remember(q)
		}
	}
	return nil
}

// settleLocked remembers what was observed, with what was changed in place since.
func (r *Reconciler) settleLocked(observed State, changed []Step) {
	observed.Objects = maps.Clone(observed.Objects)
	for _, s := range changed {
		observed.add(s.Want)
	}
	r.settled = &observed
}

// inPlace reports whether steps are changes of classes and queues, and nothing else.
func inPlace(steps []Step) bool {
	return !slices.ContainsFunc(steps, func(s Step) bool {
		kind := s.Object().ID().Kind
		return s.Op != Change || kind != ClassObject && kind != QdiscObject
	})
}

func (r *Reconciler) setFollows(follows bool) {
	r.working.Lock()
	defer r.working.Unlock()
	r.follows = follows
}
