package shaper

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// failingOnce is a Programs that has no descriptor left for the first who asks.
type failingOnce struct {
	Programs
	failed bool
}

func (p *failingOnce) ProgramFD(v bpf.Variant) (int, error) {
	if !p.failed {
		p.failed = true
		return 0, fmt.Errorf("load program: %w", unix.EMFILE)
	}
	return p.Programs.ProgramFD(v)
}

// What keeps us from comparing a program says nothing of the program: it is compared again.
func TestPassingErrorIsNoVerdict(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	must(t, f.reconciler(t).Set(t.Context(), cfg))
	r, err := NewReconciler(f.log, ReconcilerConfig{StateDir: f.dir, Netns: f.box.Fd()}, &failingOnce{Programs: f.set})
	must(t, err)
	defer r.Close()
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
}

// Programs that are attached no more are not remembered, however many come and go.
func TestFormerProgramsAreForgotten(t *testing.T) {
	f := newField(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), fieldConfig(t)))
	planIsEmpty(t, r, fieldConfig(t))
	conn, err := tcnl.Dial(f.box.Fd())
	must(t, err)
	defer conn.Close()
	ids, err := AttachedPrograms(conn)
	must(t, err)
	if n := len(r.kernel.current); n != len(ids) {
		t.Errorf("%d programs are known, want the %d that are attached", n, len(ids))
	}
	_, err = r.Teardown(t.Context())
	must(t, err)
	if n := len(r.kernel.current); n != 0 {
		t.Errorf("%d programs are known after teardown", n)
	}
}

// A program that can't be loaded keeps its group from being begun, and every step of it is told of once.
func TestProgramThatCanNotBeLoaded(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r, err := NewReconciler(f.log, ReconcilerConfig{StateDir: f.dir, Netns: f.box.Fd()}, &failingOnce{Programs: f.set})
	must(t, err)
	defer r.Close()
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	did, err := r.Apply(t.Context(), cfg)
	if !errors.Is(err, unix.EMFILE) || len(did.Failed) != 1 || did.Failed[0].Step.Kind() != "filter" {
		t.Errorf("failed %v, %v; want a filter", did.Failed, err)
	}
	told := append(slices.Clone(did.Done), did.Skipped...)
	for _, f := range did.Failed {
		told = append(told, f.Step)
	}
	for _, s := range p.Steps {
		n := 0
		for _, o := range told {
			if o.String() == s.String() {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: told of %d times", s, n)
		}
	}
}
