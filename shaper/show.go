package shaper

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// finishLocked publishes what a reconcile came to.
func (r *Reconciler) finishLocked(out *outcome) {
	var lost []string
	if out.err == nil && !r.paused {
		lost = r.releaseLocked(out)
	}
	out.did.Problems = r.shortcomings(r.targetLocked(), out.observed, out.judged, lost)
	states, problems, left, hooked := r.states, r.problems, r.left, r.hooked
	if out.observed.Interfaces != nil { // else there is nothing new to say but the error
		states, problems = r.showLocked(*out)
		left = out.judged.leave
		hooked = hookedOf(r.targetLocked(), *out)
	}
	r.mu.Lock()
	r.states, r.problems, r.left, r.hooked = states, problems, left, hooked
	r.counts[out.result]++
	r.mu.Unlock()

	r.tellLocked(indexes(r.targetLocked(), states, left, out.observed), out.reshaped)
	if out.err != nil {
		if !out.known {
			r.log.Error("reconcile_failed", "error", out.err)
		}
		return
	}
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
}

// tellLocked calls OnChange where there is something new, or something that it failed to follow.
func (r *Reconciler) tellLocked(known map[string]int, reshaped bool) {
	if !reshaped && !r.untold && r.known != nil && maps.Equal(known, r.known) {
		return
	}
	r.known = known
	if r.cfg.OnChange == nil {
		return
	}
	err := r.cfg.OnChange()
	if r.untold = err != nil; r.untold {
		r.log.Error("change_not_followed", "error", err)
	}
}

// releaseLocked gives back the roots of interfaces that are no uplinks any more, or whose upload is off. What can't be is named.
func (r *Reconciler) releaseLocked(out *outcome) (notRestored []string) {
	done, notRestored, err := r.roots.release(r.kernel, out.observed.Interfaces, r.want.keepsRoot)
	for _, s := range done {
		r.log.Info("applied", "step", s.String())
	}
	if len(done) > 0 {
		out.did.Done, out.result = append(out.did.Done, done...), Changed
	}
	if err != nil || len(notRestored) > 0 {
		r.log.Warn("roots_not_restored", "roots", notRestored, "error", err)
	}
	return notRestored
}

// keepsRoot reports whether what is taken on an interface, under the name that roots has for it, stays taken.
func (cfg Config) keepsRoot(taken string) bool {
	return slices.ContainsFunc(cfg.devices(), func(dev string) bool { return taken == clsactOf(dev) }) ||
		slices.ContainsFunc(cfg.Uplinks, func(u Uplink) bool { return taken == u.Interface && u.Upload > 0 })
}

// shortcomings are what keeps cfg from being in force as it is written, and what of others could not be put back.
func (r *Reconciler) shortcomings(cfg Config, observed State, j judgement, notRestored []string) []Problem {
	list := slices.Concat(j.problems, queueProblems(cfg, r.kernel.env(observed)))
	for _, what := range notRestored {
		list = append(list, Problem{What: what, Do: "make it again if something needs it"})
	}
	return list
}

// showLocked is what status says.
func (r *Reconciler) showLocked(out outcome) ([]UplinkState, []Problem) {
	if r.paused {
		var states []UplinkState
		for _, u := range r.want.Uplinks {
			states = append(states, UplinkState{
				Name: u.Name, Interface: u.Interface, State: StatePaused, Ifindex: out.observed.Interfaces[u.Interface].Index,
			})
		}
		return states, failures(out)
	}
	states, problems := slices.Clone(out.judged.states), slices.Clone(out.judged.problems) // a judgement may serve again
	for _, f := range out.did.Failed {
		for i := range states {
			if states[i].Name == f.Step.Group && states[i].State == StateShaped {
				states[i].State = StateFailed
			}
		}
	}
	problems = append(problems, failures(out)...)
	problems = append(problems, queueProblems(*r.want, r.kernel.env(out.observed))...)
	problems = append(problems, strangers(hookedOf(*r.want, out), out.observed)...)
	if now := time.Now(); r.fights.fighting(now) {
		line, _, _ := strings.Cut(r.fights.plan, "\n")
		problems = append(problems, Problem{
			What: "another program keeps undoing what we do: " + line,
			Do:   "stop it, or take the interface from it; until then we mend once a minute",
		})
	}
	return states, problems
}

// hookedOf gives the ifindexes of the interfaces that have programs of ours.
func hookedOf(cfg Config, out outcome) map[string]int {
	hooked := make(map[string]int)
	for _, dev := range cfg.devices() {
		if link, there := out.observed.Interfaces[dev]; there && !out.judged.leave[dev] {
			hooked[dev] = link.Index
		}
	}
	return hooked
}

// failures are what the kernel refused, or what kept us from asking.
func failures(out outcome) []Problem {
	var list []Problem
	for _, f := range out.did.Failed {
		do := "it is tried again by itself; the kernel's words say what it lacks"
		if errors.Is(f.Err, errUnwritten) {
			do = "make room in the state directory, or make it writable; it is tried again by itself"
		}
		list = append(list, Problem{What: fmt.Sprintf("%s: %v", f.Step, f.Err), Do: do})
	}
	if out.err != nil && len(list) == 0 {
		list = append(list, Problem{What: out.err.Error(), Do: "it is tried again by itself"})
	}
	return list
}

// queueProblems names what is configured and this kernel lacks.
func queueProblems(cfg Config, env Env) []Problem {
	var list []Problem
	for _, u := range cfg.Uplinks {
		if u.Leaf != LeafAuto && env.leaf(u.Leaf) != u.Leaf {
			list = append(list, Problem{
				What: fmt.Sprintf("uplink %s: this kernel has no %s; fifo is used", u.Name, u.Leaf),
				Do:   fmt.Sprintf("load the module sch_%s, or set leaf = \"auto\"", u.Leaf),
			})
		}
		if env.wantsSplitter(u) && !env.maySplit(u) {
			list = append(list, splitterProblem(u, env))
		}
	}
	return list
}

// splitterProblem is that u has no ifb that splits.
func splitterProblem(u Uplink, env Env) Problem {
	p := Problem{
		What: fmt.Sprintf("uplink %s: without the interface %s, what the link adds to short packets that leave together is not all counted", u.Name, splitterOf(u)),
		Do:   "load the module ifb and restart sliced; its log says more",
	}
	if isTaken(env.Interfaces, splitterOf(u)) {
		p.Do = "somebody else's interface has that name: rename it, or the uplink"
	}
	return p
}

// indexes are those of all interfaces that we work on.
func indexes(cfg Config, states []UplinkState, left map[string]bool, observed State) map[string]int {
	known := make(map[string]int)
	for _, dev := range cfg.devices() {
		known[dev] = observed.Interfaces[dev].Index
		if left[dev] {
			known[dev] = 0
		}
	}
	for _, s := range states {
		known["state "+s.Name+" "+s.State] = s.IfbIndex
	}
	return known
}
