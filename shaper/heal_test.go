package shaper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
)

// Whatever somebody else does to what is ours, the box is as configured again, and traffic flows.
func TestDriftIsHealed(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Overhead = Overhead{Bytes: 4, MinFrame: 64}
	r := f.reconciler(t)
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	tamper := func(args ...string) func(*testing.T) {
		return func(t *testing.T) { f.tc(t, args...) }
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"root deleted", tamper("qdisc", "del", "dev", "wan0", "root")},
		{"root replaced", tamper("qdisc", "replace", "dev", "wan0", "root", "handle", "9:", "pfifo")},
		{"root of the ifb deleted", tamper("qdisc", "del", "dev", "ifb-fibre", "root")},
		{"class deleted", tamper("class", "del", "dev", "wan0", "classid", "5c1e:11")},
		{"class changed", tamper("class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit")},
		{"class added", tamper("class", "add", "dev", "wan0", "parent", "5c1e:1", "classid", "5c1e:99", "htb", "rate", "1mbit")},
		{"class added below a slice", tamper("class", "add", "dev", "wan0", "parent", "5c1e:13", "classid", "5c1e:99", "htb", "rate", "1mbit")},
		{"queue replaced", tamper("qdisc", "replace", "dev", "ifb-fibre", "parent", "5c1e:13", "handle", "77:", "pfifo")},
		{"queue changed", tamper("qdisc", "change", "dev", "wan0", "handle", "5c23:", "parent", "5c1e:13", "tbf", "rate", "1mbit", "burst", "3000", "limit", "9000")},
		{"queue with a queue in it", tamper("qdisc", "replace", "dev", "wan0", "parent", "5c23:1", "handle", "78:", "pfifo")},
		{"redirect deleted", tamper("filter", "del", "dev", "wan0", "ingress", "pref", "1")},
		{"slot taken", func(t *testing.T) {
			f.tc(t, "filter", "del", "dev", "wan0", "egress", "pref", "1")
			f.box.Output("tc", "filter", "add", "dev", "wan0", "egress", "pref", "1", "protocol", "ip", "u32", "match", "u32", "0", "0")
		}},
		{"clsact deleted", tamper("qdisc", "del", "dev", "lan0", "clsact")},
		{"clsact of the uplink deleted", tamper("qdisc", "del", "dev", "wan0", "clsact")},
		{"ifb down", func(t *testing.T) { must(t, f.box.Links().LinkSetDown(f.link(t, "ifb-fibre"))) }},
		{"ifb deleted", func(t *testing.T) { must(t, f.box.Links().LinkDel(f.link(t, "ifb-fibre"))) }},
		{"ifb without its alias", func(t *testing.T) { must(t, f.box.Links().LinkSetAlias(f.link(t, "ifb-fibre"), "")) }},
		{"splitter down", func(t *testing.T) { must(t, f.box.Links().LinkSetDown(f.link(t, "gso-fibre"))) }},
		{"splitter deleted", func(t *testing.T) { must(t, f.box.Links().LinkDel(f.link(t, "gso-fibre"))) }},
		{"all at once", func(t *testing.T) {
			must(t, f.box.Links().LinkDel(f.link(t, "ifb-fibre")))
			f.tc(t, "qdisc", "del", "dev", "wan0", "root")
			f.box.Output("tc", "qdisc", "del", "dev", "wan0", "clsact")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := r.Reconciles()[Changed]
			tt.do(t)
			start := time.Now()
			await(t, "healed", func() bool {
				p, err := r.Plan(context.Background(), cfg)
				return err == nil && p.Empty() && r.Reconciles()[Changed] > before
			})
			t.Logf("healed within %v", time.Since(start).Round(time.Millisecond))
			f.flows(t)
		})
	}
	if p := r.Problems(); len(p) != 0 {
		t.Errorf("problems: %+v", p)
	}
}

// What an ifb splits is mended with the next look: the kernel tells nobody of that change.
func TestSplittingIsMended(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Overhead = Overhead{Bytes: 4, MinFrame: 64}
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	must(t, f.box.Links().LinkSetGSOMaxSegs(f.link(t, "gso-fibre"), 64))
	must(t, f.box.Links().LinkSetGSOMaxSegs(f.link(t, "ifb-fibre"), 1))
	if p, err := r.Plan(t.Context(), cfg); err != nil || len(p.Steps) != 2 {
		t.Errorf("plan:\n%s\n%v", p, err)
	}
	_, err := r.reconcileLocked(t.Context(), onDrift)
	must(t, err)
	planIsEmpty(t, r, cfg)
	for dev, want := range map[string]uint32{"gso-fibre": 1, "ifb-fibre": mostSegments} {
		if got := f.link(t, dev).Attrs().GSOMaxSegs; got != want {
			t.Errorf("%s: %d segments, want %d", dev, got, want)
		}
	}
}

func TestUplinkGoesAndComesBack(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	changes := make(chan struct{}, 1000)
	r := f.reconciler(t, func(c *ReconcilerConfig) { c.OnChange = func() error { changes <- struct{}{}; return nil } })
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	before := r.State()[0]
	for len(changes) > 0 {
		<-changes
	}

	must(t, f.box.Links().LinkDel(f.link(t, "wan0")))
	await(t, "it waits", func() bool { return r.State()[0].State == StateWaiting })
	if p := r.Problems(); len(p) != 1 || p[0].What != "wan0: no such interface (uplink fibre)" {
		t.Errorf("problems: %+v", p)
	}
	await(t, "somebody is told that the interface went", func() bool { return len(changes) > 0 }) // after it is shown

	// Another one first, so that the index is not the same again.
	must(t, nettest.Veth(f.box, "other", f.internet, "other"))
	must(t, nettest.Veth(f.box, "wan0", f.internet, "eth0"))
	must(t, f.box.Addr("wan0", "192.0.2.2/24"))
	must(t, f.internet.Addr("eth0", internetAddr+"/24"))
	await(t, "it is shaped", func() bool { return r.State()[0].State == StateShaped })
	after := r.State()[0]
	if after.Ifindex == before.Ifindex || after.IfbIndex != before.IfbIndex {
		t.Errorf("was %+v, is %+v: want another interface, and the ifb that was there", before, after)
	}
	f.settings(t, cfg)
	f.flows(t)
	planIsEmpty(t, r, cfg)
}

// Who could not follow a change is told again, until he could.
func TestChangeIsToldAgain(t *testing.T) {
	f := newField(t)
	failures, calls := 2, 0
	r := f.reconciler(t, func(c *ReconcilerConfig) {
		c.OnChange = func() error {
			if calls++; calls <= failures {
				return errInjected
			}
			return nil
		}
	})
	for range failures + 3 {
		must(t, r.Set(t.Context(), fieldConfig(t)))
	}
	if calls != failures+1 {
		t.Errorf("told %d times, want %d", calls, failures+1)
	}
}

// Run tells it again by itself, though no event comes.
func TestChangeIsToldAgainByRun(t *testing.T) {
	f := newField(t)
	var calls atomic.Int64
	r := f.reconciler(t, func(c *ReconcilerConfig) {
		c.OnChange = func() error {
			if calls.Add(1) < 4 {
				return errInjected
			}
			return nil
		}
	})
	must(t, r.Set(t.Context(), fieldConfig(t)))
	run(t, r)
	await(t, "it is told", func() bool { return calls.Load() == 4 })
}

func TestInterfacesMayAppearLater(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Venue.Interfaces = append(cfg.Venue.Interfaces, "lan1")
	r := f.reconciler(t)
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	select {
	case <-r.Ready():
	default:
		t.Error("an interface that is not there holds up the rest")
	}
	if p := r.Problems(); len(p) != 1 || p[0].What != "lan1: no such interface (venue)" {
		t.Errorf("problems: %+v", p)
	}
	must(t, nettest.Veth(f.box, "lan1", f.guest, "eth1"))
	await(t, "no problem", func() bool { return len(r.Problems()) == 0 })
	if out := f.tc(t, "filter", "show", "dev", "lan1", "ingress"); !strings.Contains(out, "sliced/venue_in:") {
		t.Errorf("filters of lan1: %s", out)
	}
	planIsEmpty(t, r, cfg)
}

// An interface that goes down is left down, also while what is on it is healed, and is whole when it comes up.
func TestInterfaceThatGoesDownIsLeftDown(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	for dev, harm := range map[string][]string{
		"wan0": {"class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit"},
		"lan0": {"qdisc", "del", "dev", "lan0", "clsact"},
	} {
		t.Run(dev, func(t *testing.T) {
			must(t, f.box.Links().LinkSetDown(f.link(t, dev)))
			before := r.Reconciles()[Changed]
			f.tc(t, harm...)
			await(t, "healed", func() bool { return r.Reconciles()[Changed] > before })
			if f.link(t, dev).Attrs().Flags&net.FlagUp != 0 {
				t.Error("somebody took it up again")
			}
			must(t, f.box.Links().LinkSetUp(f.link(t, dev)))
			start := time.Now()
			await(t, "the plan is empty", func() bool { p, err := r.Plan(t.Context(), cfg); return err == nil && p.Empty() })
			if !f.echoes(t, 100, healTestBound) {
				t.Error("nothing passes")
			}
			t.Logf("whole %s after it came up", time.Since(start))
			f.flows(t)
		})
	}
}

// fightWait is how long r keeps still.
func (r *Reconciler) fightWait() time.Duration {
	r.working.Lock()
	defer r.working.Unlock()
	return r.fights.wait(time.Now())
}

func TestStalePlanIsRefused(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	f.tc(t, "qdisc", "add", "dev", "wan0", "root", "handle", "9:", "pfifo")
	result, err := r.kernel.Apply(t.Context(), p)
	if !errors.Is(err, ErrStale) || len(result.Done) != 0 {
		t.Errorf("applied %d steps, %v", len(result.Done), err)
	}
}

var errInjected = errors.New("injected")

// Whichever step fails, what was done is told, the next reconcile finishes the work, and traffic flows at any time.
func TestEveryStepMayFail(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	f.settings(t, cfg)
	for i, failing := range p.Steps {
		r.kernel.fault = func(s Step) error {
			if s.String() == failing.String() {
				return errInjected
			}
			return nil
		}
		did, err := r.Apply(t.Context(), cfg)
		if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), failing.String()) {
			t.Fatalf("step %d, %s: %v", i, failing, err)
		}
		if len(did.Failed) != 1 || did.Failed[0].Step.String() != failing.String() {
			t.Errorf("step %d, %s: failed %v", i, failing, did.Failed)
		}
		for _, s := range p.Steps {
			if !hasStep(did.Done, s) && !hasStep(did.Skipped, s) && s.String() != failing.String() {
				t.Errorf("step %d, %s: nobody tells of %s", i, failing, s)
			}
		}
		if s := r.State()[0].State; failing.Group == "fibre" && s != StateFailed || failing.Group != "fibre" && s != StateShaped {
			t.Errorf("step %d, %s: state %s", i, failing, s)
		}
		if len(r.Problems()) == 0 {
			t.Errorf("step %d, %s: no problem", i, failing)
		}
		if !f.echoes(t, 100, 10*time.Second) {
			t.Errorf("step %d, %s: no traffic after it failed", i, failing)
		}
		r.kernel.fault = nil
		must(t, r.Set(t.Context(), cfg))
		planIsEmpty(t, r, cfg)
		if len(r.Problems()) != 0 || r.State()[0].State != StateShaped {
			t.Errorf("step %d, %s: then %+v, %+v", i, failing, r.State(), r.Problems())
		}
		_, err = r.Teardown(t.Context())
		must(t, err)
	}
}

func hasStep(list []Step, s Step) bool {
	return slices.ContainsFunc(list, func(o Step) bool { return o.String() == s.String() })
}

// An ifb that can't be brought up again must not swallow the downloads.
func TestDownloadsFailOpen(t *testing.T) {
	for _, tt := range []struct {
		name string
		harm func(f *field, t *testing.T)
	}{
		{"down", func(f *field, t *testing.T) { must(t, f.box.Links().LinkSetDown(f.link(t, "ifb-fibre"))) }},
		{"gone", func(f *field, t *testing.T) { must(t, f.box.Links().LinkDel(f.link(t, "ifb-fibre"))) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newField(t)
			cfg := fieldConfig(t)
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			f.settings(t, cfg)
			r.kernel.fault = func(s Step) error {
				if s.Kind() == "link" {
					return errInjected
				}
				return nil
			}
			tt.harm(f, t)
			if f.echoes(t, 100, 500*time.Millisecond) {
				t.Fatal("the test has nothing to show: downloads pass without an ifb")
			}
			if err := r.Set(t.Context(), cfg); !errors.Is(err, errInjected) {
				t.Fatal(err)
			}
			if !f.echoes(t, 100, 10*time.Second) {
				t.Error("no downloads")
			}
			if s := r.State()[0].State; s != StateFailed {
				t.Errorf("state %s", s)
			}
			r.kernel.fault = nil
			must(t, r.Set(t.Context(), cfg))
			planIsEmpty(t, r, cfg)
			f.flows(t)
		})
	}
}

func TestFightIsNoticed(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	run(t, r)
	// What Run's first look finds has no other program to blame.
	await(t, "Run looks", func() bool { return r.Reconciles()[Unchanged] > 0 })
	named := func() bool {
		for _, p := range r.Problems() {
			if strings.HasPrefix(p.What, "another program keeps undoing what we do: change class wan0 5c1e:1 ") {
				return true
			}
		}
		return false
	}
	rounds := 0
	await(t, "the fight is named", func() bool {
		rounds++
		rate := fmt.Sprintf("%dkbit", 1000+rounds) // another one each time, as a program that tunes would have it
		f.tc(t, "class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", rate, "ceil", rate)
		time.Sleep(20 * time.Millisecond)
		return named()
	})
	if healed := r.Reconciles()[Changed] - 1; healed != fightRounds { // one made it all
		t.Errorf("named after %d rounds, want %d", healed, fightRounds)
	}
	if left := r.fightWait(); left < fightWithin-10*time.Second || left > fightWithin {
		t.Errorf("keeps still for %s, want a minute", left)
	}
	before := r.Reconciles()[Changed]
	f.tc(t, "class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit", "ceil", "1mbit")
	time.Sleep(500 * time.Millisecond)
	if after := r.Reconciles()[Changed]; after != before {
		t.Errorf("goes on fighting: %d more", after-before)
	}
	// What the operator asks for is done at once.
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
}

// What was there before Run is nobody's doing, whatever is heard before its first look.
func TestFirstLookBlamesNobody(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	for range 5 { // more than one thing may be due at the start
		t.Run("run", func(t *testing.T) {
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			f.tc(t, "class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit", "ceil", "1mbit")
			before := r.Reconciles()[Changed]
			r.heard.ring()
			run(t, r)
			await(t, "Run looks", func() bool { return r.Reconciles()[Changed] > before })
			r.working.Lock()
			defer r.working.Unlock()
			if len(r.fights.rounds) != 0 {
				t.Errorf("somebody is blamed for %v", r.fights.rounds)
			}
		})
	}
}

// An interface that came explains all that a look finds, in however many rounds.
func TestRoundsAfterTheFirstBlameNobody(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Venue.Interfaces = append(cfg.Venue.Interfaces, "lan1")
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	must(t, nettest.Veth(f.box, "lan1", f.guest, "eth1"))
	steps := 0
	r.kernel.fault = func(Step) error {
		if steps++; steps == 1 { // there is something left to do for the second round
			f.tc(t, "class", "change", "dev", "wan0", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit", "ceil", "1mbit")
		}
		return nil
	}
	if failed, _ := r.look(t.Context(), onDrift); failed || steps < 4 { // lan1 takes three
		t.Errorf("failed %v, %d steps", failed, steps)
	}
	planIsEmpty(t, r, cfg)
	if len(r.fights.rounds) != 0 {
		t.Errorf("somebody is blamed for %v", r.fights.rounds)
	}
}

// What fails on demand is tried again by Run, though no event tells of it.
func TestFailureOnDemandIsTriedAgain(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	failures := 3
	r.kernel.fault = func(s Step) error {
		if s.Kind() == "class" && failures > 0 {
			failures--
			return errInjected
		}
		return nil
	}
	if err := r.Set(t.Context(), cfg); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	run(t, r)
	await(t, "it is shaped", func() bool { return len(r.State()) == 1 && r.State()[0].State == StateShaped })
	<-r.Ready()
	planIsEmpty(t, r, cfg)
}

func TestSetAfterTheCallerLeftDoesNothing(t *testing.T) {
	f := newField(t)
	r := f.reconciler(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := f.tc(t, "qdisc", "show")
	if err := r.Set(ctx, fieldConfig(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := f.tc(t, "qdisc", "show"); after != before {
		t.Errorf("was\n%sis\n%s", before, after)
	}
}
