package shaper

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// settled is the kernel as a look that ended well left it, and what it was looked at for.
type settled struct {
	cfg    Config
	state  State // a copy of its own
	judged judgement
}

// retuneLocked changes rates in place without a look at the kernel: after a look, and as long as nobody else is heard to change
// anything, the kernel is as that look left it. Where that is wrong after all, nothing is made that was not there, the event that is
// under way brings the next look, and what the kernel refuses brings one at once. It reports whether that was all there is to do: who asks
// for nothing new is looked for, a reaction that comes to nothing is not.
func (r *Reconciler) retuneLocked(ctx context.Context, out *outcome, why reason) bool {
	if r.settled == nil || !r.follows || !r.heard.quiet() {
		return false
	}
	at, target := r.settled, r.targetLocked()
	env := r.kernel.env(at.state)
	env.Leave = at.judged.leave
	steps, ok := retunes(at.state, at.cfg, target, env)
	if ok && len(steps) == 0 && why == onReaction {
		at.cfg = target
		return true
	}
	if !ok || len(steps) == 0 {
		return false
	}
	did := r.kernel.writer(at.state).change(ctx, steps)
	out.did.Done = did.Done
	r.reportLocked(false, Plan{Steps: steps}, did)
	if len(did.Failed)+len(did.Skipped) > 0 {
		return false
	}
	at.cfg = target
	at.state.addAll(steps)
	out.did.Problems = r.shortcomings(target, at.state, at.judged, nil)
	r.mu.Lock()
	r.counts[Changed]++ // all else that finishLocked publishes is as the look left it; the next one says when a fight is over
	r.mu.Unlock()
	return true
}

// retunes gives the steps of Diff where two configurations ask for the same objects but for rates of uplinks and reactions, and
// all that differs of these is changed in place. It is for many changes a second: it makes only the trees whose rates change, and puts nothing into words.
func retunes(observed State, was, now Config, env Env) (steps []Step, ok bool) {
	if !reflect.DeepEqual(withoutRates(was), withoutRates(now)) {
		return nil, false
	}
	for i, u := range now.Uplinks {
		link, there := env.Interfaces[u.Interface]
		for _, dir := range [...]slice.Direction{slice.Down, slice.Up} { // the ifb first, as in Desired
			rate, before := u.rate(dir), was.Uplinks[i].rate(dir)
			if rate == before && (dir == slice.Up || u.reaction.equals(was.Uplinks[i].reaction)) {
				continue
			}
			if rate == 0 || before == 0 || !there || env.Leave[u.Interface] || u.clamp(dir) != was.Uplinks[i].clamp(dir) {
				return nil, false
			}
			t := tree{cfg: now, uplink: u, dir: dir, mtu: link.MTU, env: env}
			if steps, ok = t.retunes(observed, steps); !ok {
				return nil, false
			}
		}
	}
	return steps, true
}

// withoutRates is what the objects of cfg are made of, but for the rates of its uplinks. Rules and experiences make none.
func withoutRates(cfg Config) Config {
	cfg.Rules, cfg.Experiences = nil, nil
	cfg.Uplinks = slices.Clone(cfg.Uplinks)
	for i := range cfg.Uplinks {
		cfg.Uplinks[i].Download, cfg.Uplinks[i].Upload, cfg.Uplinks[i].reaction = 0, 0, reaction{}
	}
	return cfg
}

// retunes appends the changes in place that lead to t; ok is false where there is more to do.
func (t tree) retunes(observed State, steps []Step) (_ []Step, ok bool) {
	first, ok := len(steps), true
	t.each(func(want Object) {
		id := want.ID()
		have := observed.Objects[id]
		if have == nil {
			ok = false
			return
		}
		if !rated(want, have) { // most of what differs is
			if alike(want, have) {
				return
			}
			ok = ok && (id.Kind == ClassObject || id.Kind == QdiscObject) && fixedAlike(want.params(), have.params())
		}
		steps = append(steps, Step{Op: Change, Group: t.uplink.Name, Want: want, Have: have})
	})
	slices.SortFunc(steps[first:], func(a, b Step) int { return compareIDs(a.Object().ID(), b.Object().ID()) })
	return steps, ok
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
		r := w.run(ctx, []Step{s}, nil)
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
func (r *Reconciler) settleLocked(out outcome) {
	at := &settled{cfg: r.targetLocked(), state: out.observed, judged: out.judged}
	at.state.Objects = maps.Clone(at.state.Objects)
	at.state.addAll(out.last)
	r.settled = at
}

// addAll notes what changes in place have led to.
func (s State) addAll(changes []Step) {
	for _, c := range changes {
		s.add(c.Want)
	}
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
