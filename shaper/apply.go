package shaper

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// ErrStale is what Apply answers to a plan that was made for another state than is there now: observe and plan again.
var ErrStale = errors.New("plan is stale: the kernel has changed since it was made")

// Result is what Apply truly did.
type Result struct {
	Done    []Step
	Failed  []Failure
	Skipped []Step // of the groups in which a step failed, or after ctx ended
	// Problems are what else keeps a configuration from being in force as it is written. The Kernel knows of none.
	Problems []Problem
}

// Failure is a step that the kernel refused.
type Failure struct {
	Step Step
	Err  error
}

// Err joins the failures; nil if there are none.
func (r Result) Err() error {
	errs := make([]error, 0, len(r.Failed))
	for _, f := range r.Failed {
		errs = append(errs, fmt.Errorf("%s: %w", f.Step, f.Err))
	}
	return errors.Join(errs...)
}

// Apply does the steps one by one. A step that fails ends its group alone. The Result is right whatever the error.
func (k *Kernel) Apply(ctx context.Context, p Plan) (Result, error) {
	if p.Empty() {
		return Result{}, nil
	}
	observed, err := k.Observe(ctx)
	if err != nil {
		return Result{}, err
	}
	if observed.Fingerprint() != p.Fingerprint {
		return Result{}, ErrStale
	}
	r := k.writer(observed).run(ctx, p.Steps, p.refused)
	if len(r.Failed) > 0 {
		k.failOpen(context.WithoutCancel(ctx), &r)
	}
	return r, errors.Join(r.Err(), ctx.Err())
}

type writer struct {
	*Kernel
	index map[string]int // ifindex by name
}

// writer writes to the interfaces that were observed.
func (k *Kernel) writer(observed State) writer {
	w := writer{Kernel: k, index: make(map[string]int, len(observed.Interfaces))}
	for name, link := range observed.Interfaces {
		w.index[name] = link.Index
	}
	return w
}

// run does the steps. Those that are refused, by index, fail with the reason.
func (w writer) run(ctx context.Context, steps []Step, refused map[int]error) Result {
	var r Result
	failed := make(map[string]bool)
	bad := w.unloadable(steps)
	maps.Copy(bad, refused)
	for i := range bad {
		failed[steps[i].Group] = true
	}
	for i, s := range steps {
		if err := bad[i]; err != nil {
			r.Failed = append(r.Failed, Failure{s, err})
			continue
		}
		if failed[s.Group] || ctx.Err() != nil {
			r.Skipped = append(r.Skipped, s)
			continue
		}
		if err := w.step(s); err != nil {
			r.Failed = append(r.Failed, Failure{s, err})
			failed[s.Group] = true
			continue
		}
		r.Done = append(r.Done, s)
	}
	return r
}

// unloadable has the programs verified before anything is touched: it takes long, and may fail. It says of which step, by index, one
// a group.
func (w writer) unloadable(steps []Step) map[int]error {
	bad := make(map[int]error)
	failed := make(map[string]bool)
	for i, s := range steps {
		f, ok := s.Want.(Filter)
		if !ok || failed[s.Group] {
			continue
		}
		if _, err := w.programs.ProgramFD(f.Variant); err != nil {
			bad[i] = err
			failed[s.Group] = true
		}
	}
	return bad
}

// step does one. That an ifb can't be made to split is remembered: uplinks do without from then on.
func (w writer) step(s Step) error {
	err := w.write(s)
	if l, ok := s.Object().(Link); ok && l.Splits && s.Op != Delete && err != nil {
		w.noSplitter = err
	}
	return err
}

func (w writer) write(s Step) error {
	if w.fault != nil {
		if err := w.fault(s); err != nil {
			return err
		}
	}
	var err error
	switch o := s.Object().(type) {
	case Link:
		err = w.link(s.Op, o)
	case Qdisc:
		err = w.qdisc(s, o)
	case Class:
		err = w.class(s, o)
	case Filter:
		err = w.filter(s, o)
	}
	if s.Op == Delete && tcnl.Gone(err) {
		return nil
	}
	return err
}

func (w writer) qdisc(s Step, o Qdisc) error {
	q := w.tcnlQdisc(o)
	var err error
	switch s.Op {
	case Delete:
		return w.conn.DeleteQdisc(q)
	case Change:
		err = w.conn.ChangeQdisc(changeable(q))
	case Replace:
		err = w.replaceQdisc(q, s.Have)
	case Add:
		if o.Parent == tcnl.Ingress {
			err = w.conn.AddQdisc(q)
		} else { // over the kernel's default, which may have a handle
			err = w.conn.ReplaceQdisc(q)
		}
	}
	if err == nil {
		w.remember(o)
	}
	return err
}

func (w writer) tcnlQdisc(o Qdisc) tcnl.Qdisc {
	return tcnl.Qdisc{Ifindex: w.index[o.Dev], Handle: o.Handle, Parent: o.Parent, Options: o.Options}
}

// changeable is q without what can't be changed: that is not even to be named.
func changeable(q tcnl.Qdisc) tcnl.Qdisc {
	if codel, ok := q.Options.(tcnl.FQCoDel); ok {
		codel.Flows = 0
		q.Options = codel
	}
	return q
}

// remember keeps what a dump will not tell of a queue that was written.
func (w writer) remember(o Qdisc) {
	if t, ok := o.Options.(tcnl.TBF); ok {
		w.bursts[burstKey{w.index[o.Dev], o.Handle}] = t.Burst
	}
}

// replaceQdisc puts q where another is. With another handle that is one step; under the same handle the kernel would take it for a
// change.
func (w writer) replaceQdisc(q tcnl.Qdisc, have Object) error {
	old, ok := have.(Qdisc)
	if ok && (old.Handle == q.Handle || q.Parent == tcnl.Ingress) {
		gone := tcnl.Qdisc{Ifindex: q.Ifindex, Handle: old.Handle, Parent: old.Parent, Options: old.Options}
		if err := w.conn.DeleteQdisc(gone); err != nil && !tcnl.Gone(err) {
			return err
		}
	}
	return w.conn.ReplaceQdisc(q)
}

func (w writer) class(s Step, o Class) error {
	c := w.tcnlClass(o)
	switch s.Op {
	case Delete:
		return w.conn.DeleteClass(c)
	case Change:
		return w.conn.ChangeClass(c)
	case Replace:
		if err := w.conn.DeleteClass(c); err != nil && !tcnl.Gone(err) {
			return err
		}
	}
	return w.conn.AddClass(c)
}

func (w writer) tcnlClass(o Class) tcnl.Class {
	return tcnl.Class{Ifindex: w.index[o.Dev], Handle: o.Handle, Parent: o.Parent, HTB: o.HTB}
}

func (w writer) filter(s Step, o Filter) error {
	f := tcnl.Filter{
		Ifindex: w.index[o.Dev], Parent: o.Hook, Pref: slotPref, Protocol: tcnl.ProtocolAll, Handle: slotHandle, Kind: "bpf",
		BPF: tcnl.BPF{Name: o.Program, DirectAction: o.DirectAction},
	}
	if s.Op == Delete {
		if o.atLeaf() {
			f.Pref, f.Protocol, f.Handle, f.Kind = o.observed.Pref, o.observed.Protocol, 0, o.observed.Kind // all of its preference
		}
		return w.conn.DeleteFilter(f)
	}
	if o.Redirect != "" {
		if w.index[o.Redirect] == 0 {
			return fmt.Errorf("redirect to %s: no such interface", o.Redirect)
		}
		f.BPF.Action = tcnl.RedirectTo(w.index[o.Redirect])
	}
	if have, ok := s.Have.(Filter); ok && s.Op == Replace {
		intruder := have.observed
		intruder.Handle = 0 // all that share the preference
		if err := w.conn.DeleteFilter(intruder); err != nil && !tcnl.Gone(err) {
			return err
		}
	}
	fd, err := w.programs.ProgramFD(o.Variant)
	if err != nil {
		return err
	}
	f.BPF.FD = fd
	return w.conn.SetFilter(f)
}

// failOpen removes redirects to ifbs that are down or gone: what is not shaped is better than what is lost.
func (k *Kernel) failOpen(ctx context.Context, r *Result) {
	observed, err := k.Observe(ctx)
	if err != nil {
		return // the failures say enough
	}
	for _, o := range observed.Objects {
		f, ok := o.(Filter)
		if !ok || !bpf.Ours(f.Program) || f.Stray != "dead redirect" && (f.Redirect == "" || observed.Interfaces[f.Redirect].Up) {
			continue
		}
		s := Step{Op: Delete, Group: f.Dev, Have: f}
		if err := k.conn.DeleteFilter(f.observed); err != nil && !tcnl.Gone(err) {
			r.Failed = append(r.Failed, Failure{s, err})
			continue
		}
		r.Done = append(r.Done, s)
	}
}
