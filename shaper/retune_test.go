package shaper

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Changes of rates that need no look at the kernel lead where others lead, also while somebody else is at it.
func TestRetuneWithoutALook(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	var changes atomic.Int64
	r := f.reconciler(t, func(c *ReconcilerConfig) { c.OnChange = func() error { changes.Add(1); return nil } })
	run(t, r)
	await(t, "it follows", func() bool {
		r.working.Lock()
		defer r.working.Unlock()
		return r.follows
	})
	must(t, r.Set(t.Context(), cfg))
	retune := func(i int) {
		cfg.Uplinks = []Uplink{cfg.Uplinks[0]}
		cfg.Uplinks[0].Download = slice.Rate(20+i) * slice.Mbit
		must(t, r.Set(t.Context(), cfg))
	}
	heard, counted, states, problems := changes.Load(), r.Reconciles()[Changed], r.State(), r.Problems()
	for i := range 20 {
		retune(i)
		planIsEmpty(t, r, cfg)
	}
	if n := r.Reconciles()[Changed] - counted; n != 20 {
		t.Errorf("20 retunes count as %d", n)
	}
	must(t, r.Set(t.Context(), cfg)) // a look
	if diff := cmp.Diff(states, r.State()) + cmp.Diff(problems, r.Problems()); diff != "" || changes.Load() != heard {
		t.Errorf("retunes changed more than rates, or %d of them were told as changes of interfaces:\n%s", changes.Load()-heard, diff)
	}
	for i := range 10 {
		f.tc(t, "class", "del", "dev", "ifb-fibre", "classid", sliceClass(slice.ID(1+i%4)).String())
		retune(30 + i) // before the agent hears of it, or after
		await(t, "healed", func() bool {
			p, err := r.Plan(context.Background(), cfg)
			return err == nil && p.Empty()
		})
	}
}

// settled is a reconciler that retunes: it has set what is configured, and found nothing to do. Without Run nobody hears of what comes then.
func (f *field) settled(t *testing.T, cfg Config) *Reconciler {
	t.Helper()
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	must(t, r.Set(t.Context(), cfg)) // a look
	r.setFollows(true)
	return r
}

// A change of one direction's rate touches that tree alone, and does not look at the other.
func TestRetuneTouchesOneTree(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.settled(t, cfg)
	f.tc(t, "qdisc", "del", "dev", "wan0", "parent", sliceClass(1).String())
	cfg.Uplinks = slices.Clone(cfg.Uplinks)
	cfg.Uplinks[0].Download = 40 * slice.Mbit
	did, err := r.Apply(t.Context(), cfg)
	must(t, err)
	for _, s := range did.Done {
		if s.Dev() != "ifb-fibre" || s.Op != Change {
			t.Errorf("a change of the download did: %s", s)
		}
	}
	if len(did.Done) == 0 {
		t.Error("a change of the download did nothing")
	}
	if p, err := r.Plan(t.Context(), cfg); err != nil || p.Empty() {
		t.Errorf("what was broken elsewhere was seen: plan %s, error %v", p, err)
	}
}

// What another program did while a fight is kept out of is not taken for what the last look saw.
func TestARetuneDuringAFightLooks(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.settled(t, cfg)
	r.fights.until = time.Now().Add(fightWithin)
	f.tc(t, "qdisc", "del", "dev", "wan0", "parent", sliceClass(1).String())
	r.heard.put(tcnl.Event{What: tcnl.QdiscChanged, Ifindex: f.link(t, "wan0").Attrs().Index})
	if _, keepStill := r.look(t.Context(), onDrift); keepStill == 0 {
		t.Fatal("the fight was not kept out of")
	}
	cfg.Uplinks = slices.Clone(cfg.Uplinks)
	cfg.Uplinks[0].Download = 40 * slice.Mbit
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
}

// Where the kernel refuses one change of many, what it did is told all the same, and the rest is mended.
func TestARefusedRetuneTellsWhatWasDone(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Leaf = LeafFIFO // its limit follows the rate on every kernel
	r := f.settled(t, cfg)
	f.tc(t, "qdisc", "del", "dev", "ifb-fibre", "parent", sliceClass(1).String())
	cfg.Uplinks = []Uplink{cfg.Uplinks[0]}
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload = 40*slice.Mbit, 15*slice.Mbit
	did, err := r.Apply(t.Context(), cfg)
	must(t, err)
	planIsEmpty(t, r, cfg)
	told := make(map[string]bool)
	for _, s := range did.Done {
		told[s.Dev()+" "+s.Name()] = true
	}
	for _, dev := range []string{"ifb-fibre", "wan0"} {
		for _, name := range []string{"5c1e:1", "5c1e:22", "5c1e:11", "5c1e:12", "5c1e:13", "5c1e:14", "5c21:", "5c22:", "5c23:", "5c24:"} {
			if !told[dev+" "+name] {
				t.Errorf("nobody tells of %s %s", dev, name)
			}
		}
	}
}

// to is a reaction of the field's first uplink.
func to(narrowed slice.Rate) map[string]reaction {
	return map[string]reaction{"fibre": {narrowed: narrowed}}
}

// looks is how often a reconciler has been at work.
func looks(r *Reconciler) (n uint64) {
	for _, count := range r.Reconciles() {
		n += count
	}
	return n
}

// A reaction touches its download's tree alone and needs no look; one that comes to nothing needs none either.
func TestReactionsRetune(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.settled(t, cfg)
	f.tc(t, "qdisc", "del", "dev", "wan0", "parent", sliceClass(1).String()) // a look would mend it
	before := looks(r)
	r.adapt(t.Context(), to(10*slice.Mbit))
	if p := left(t, r, cfg); len(p.Steps) == 0 || slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Dev() != "wan0" }) || looks(r) != before+1 {
		t.Errorf("after a reaction and %d reconciles there is left to do:\n%s", looks(r)-before, p)
	}
	r.adapt(t.Context(), map[string]reaction{"fibre": {narrowed: 10 * slice.Mbit}, "elsewhere": {narrowed: slice.Mbit}})
	if looks(r) != before+1 {
		t.Errorf("a reaction that comes to nothing brought %d reconciles", looks(r)-before-1)
	}
}

// While something fails, a reaction waits until the last look is a second old.
func TestReactionsWaitForAFailure(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.settled(t, cfg)
	r.failed, r.looked, r.settled = true, time.Now(), nil
	before := looks(r)
	for range 2 {
		r.adapt(t.Context(), to(20*slice.Mbit))
	}
	if looks(r) != before {
		t.Errorf("a reaction brought %d reconciles at once", looks(r)-before)
	}
	r.looked = r.looked.Add(-firstRetry)
	r.adapt(t.Context(), to(20*slice.Mbit))
	if p := left(t, r, cfg); !p.Empty() || looks(r) != before+1 {
		t.Errorf("a second later it brought %d, and there is left to do:\n%s", looks(r)-before, p)
	}
}

// During a fight a reaction waits until that is over.
func TestReactionsWaitForAFight(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.settled(t, cfg)
	r.fights.until = time.Now().Add(fightWithin)
	r.adapt(t.Context(), to(20*slice.Mbit))
	if p := left(t, r, cfg); !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Dev() == "ifb-fibre" }) {
		t.Errorf("during a fight a reaction was carried out: there is left to do:\n%s", p)
	}
	r.fights.until = time.Time{}
	r.adapt(t.Context(), to(20*slice.Mbit))
	if p := left(t, r, cfg); !p.Empty() {
		t.Errorf("after a fight a reaction leaves to do:\n%s", p)
	}
}

// Whoever stops leaves trees as they are configured, whatever goes on.
func TestWhoStopsWaitsForNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		goes func(f *field, r *Reconciler)
	}{
		{"a fight", func(_ *field, r *Reconciler) {
			r.fights.until = time.Now().Add(fightWithin)
			r.adapt(t.Context(), nil)
		}},
		{"a failure", func(_ *field, r *Reconciler) { r.failed, r.looked, r.settled = true, time.Now(), nil }},
		{"a reaction that is gone, and could not be undone", func(f *field, r *Reconciler) {
			r.adapt(t.Context(), nil)
			f.tc(t, "class", "change", "dev", "ifb-fibre", "parent", "5c1e:", "classid", linkClass.String(), "htb", "rate", "5mbit")
			r.failed, r.looked, r.settled = true, time.Now(), nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newField(t)
			cfg := fieldConfig(t)
			r := f.settled(t, cfg)
			r.adapt(t.Context(), to(20*slice.Mbit))
			test.goes(f, r)
			r.asConfigured(t.Context())
			if p := left(t, r, cfg); !p.Empty() || len(r.react) > 0 {
				t.Errorf("%d reactions are left, and to do:\n%s", len(r.react), p)
			}
		})
	}
}
