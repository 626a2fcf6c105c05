package shaper

import (
	"context"
	"maps"
	"slices"
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
	p := Plan{Steps: differences(*r.settled, desired)}
	if p.Empty() || !inPlace(p.Steps) {
		return false
	}
	w := writer{Kernel: r.kernel, index: make(map[string]int)}
	for name, link := range r.settled.Interfaces {
		w.index[name] = link.Index
	}
	did := w.run(ctx, p.Steps)
	out.did.Done = did.Done
	r.reportLocked(false, p, did)
	if len(did.Failed)+len(did.Skipped) > 0 {
		return false
	}
	r.settleLocked(*r.settled, did.Done)
	out.result, out.err, out.observed, out.judged = Changed, nil, *r.settled, judged
	return true
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
