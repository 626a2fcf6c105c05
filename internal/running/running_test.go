package running

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/config"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) apply(r *Running, src *Source, confirm time.Duration) {
	w.t.Helper()
	_, err := r.Apply(w.t.Context(), src, confirm)
	must(w.t, err)
}

func (w *world) want(r *Running, want string) {
	w.t.Helper()
	if got := w.is(r); got != want {
		w.t.Errorf("%s is in force, want %s", got, want)
	}
}

// problem finds the problem that has all words.
func problem(r *Running, words ...string) bool {
	return slices.ContainsFunc(r.Problems(), func(p Problem) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(p.What, w) })
	})
}

func wantNoProblem(t *testing.T, r *Running) {
	t.Helper()
	if p := r.Problems(); len(p) != 0 {
		t.Errorf("problems: %+v", p)
	}
}

func TestAppliedStaysUntilReload(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("evening.toml", 50), 0)
	w.want(r, "50")
	w.own = "broken" // nobody asks for it
	w.reboot()
	r = w.mustOpen()
	w.want(r, "50")
	if !problem(r, "evening.toml is in force since it was applied") || len(r.Problems()) != 1 {
		t.Errorf("problems: %+v", r.Problems())
	}

	r.Reload(t.Context())
	w.want(r, "50")
	if !problem(r, "reload failed, the old configuration stays", ownName+":1") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.own = file(70)
	r.Reload(t.Context())
	w.want(r, "70")
	wantNoProblem(t, r)
	w.want(w.mustOpen(), "70")

	w.apply(r, source("evening.toml", 50), 0)
	w.apply(r, nil, 0)
	w.want(r, "70")
	w.want(w.mustOpen(), "70")
}

func TestPlanChangesNothing(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	points := w.points
	for src, want := range map[*Source]string{nil: "80mbit", source("a", 50): "50mbit"} {
		w.own = file(80)
		plan, err := r.Plan(t.Context(), src)
		must(t, err)
		if diff := cmp.Diff([]Step{{Op: "change", Text: want}}, plan.Steps); diff != "" {
			t.Error(diff)
		}
	}
	_, err := r.Plan(t.Context(), &Source{Name: "a.toml", Text: "[venue]\nspeed = 9"})
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "a.toml:2: venue.speed") {
		t.Errorf("got %v", err)
	}
	w.want(r, "95")
	if w.points != points {
		t.Errorf("something was written: %v", w.calls)
	}
}

// A site lead who edits the agent's own file and restarts is told why that is not in force.
func TestAppliedFileThatStandsInIsTold(t *testing.T) {
	w := newWorld(t)
	w.apply(w.mustOpen(), source("evening.toml", 50), 0)
	said := func(r *Running) bool { return problem(r, "evening.toml is in force") }
	w.own = file(30)
	r := w.mustOpen()
	w.want(r, "50")
	if !said(r) {
		t.Errorf("problems: %v", r.Problems())
	}
	_, err := r.Apply(t.Context(), nil, 0)
	must(t, err)
	w.want(r, "30")
	if said(r) {
		t.Errorf("problems when it is over: %v", r.Problems())
	}
	w.apply(r, source("evening.toml", 50), 0)
	w.own = file(50)
	if r = w.mustOpen(); said(r) {
		t.Errorf("problems though both say the same: %v", r.Problems())
	}
}

func TestMistakeChangesNothing(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a", 50), time.Minute)
	points := w.points
	_, err := r.Apply(t.Context(), &Source{Name: "a.toml", Text: "[venue]\nspeed = 9"}, 0)
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "a.toml:2: venue.speed") {
		t.Errorf("got %v", err)
	}
	w.own = ""
	if _, err := r.Apply(t.Context(), nil, 0); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), ownName) {
		t.Errorf("got %v", err)
	}
	w.want(r, "50 pending")
	if w.points != points {
		t.Errorf("something was written: %v", w.calls)
	}
}

func TestConfirmAndRollback(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	if err := r.Confirm(); !errors.Is(err, ErrNothingPending) {
		t.Errorf("confirm: %v", err)
	}
	if _, err := r.Rollback(t.Context()); !errors.Is(err, ErrNothingPending) {
		t.Errorf("rollback: %v", err)
	}
	w.apply(r, source("a.toml", 50), time.Minute)
	w.up += 20 * time.Second
	if !problem(r, "a change is pending: a.toml is taken back in 40s") {
		t.Errorf("problems: %+v", r.Problems())
	}
	must(t, r.Confirm())
	wantNoProblem(t, r)
	w.up += time.Hour
	r.expire(t.Context())
	w.want(r, "50")

	w.apply(r, source("b.toml", 40), time.Minute)
	report, err := r.Rollback(t.Context())
	must(t, err)
	if len(report.Done) != 1 {
		t.Errorf("report %+v", report)
	}
	w.want(r, "50")
	wantNoProblem(t, r) // whoever asked knows
	w.want(w.mustOpen(), "50")
}

// Time goes on over a restart, whatever the clock on the wall says; what was before the first of several is what it goes back to.
func TestPendingGoesOnOverARestart(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a", 50), time.Minute)
	w.up += 50 * time.Second
	w.apply(r, source("b", 40), time.Minute)
	w.up += 50 * time.Second
	r = w.mustOpen()
	r.expire(t.Context())
	w.want(r, "40 pending")
	if wait, any := r.nextLook(); !any || wait > lookEvery {
		t.Errorf("looks again in %v, %v", wait, any)
	}
	w.up += 10 * time.Second
	r.expire(t.Context())
	w.want(r, "95")
	if !problem(r, "b was taken back") {
		t.Errorf("problems: %+v", r.Problems())
	}
	if _, any := r.nextLook(); any {
		t.Error("there is something to wait for")
	}
	r = w.mustOpen()
	if !problem(r, "b was taken back") {
		t.Errorf("after a restart: %+v", r.Problems())
	}
	w.apply(r, nil, 0)
	wantNoProblem(t, r)
}

// What was in force before is the own file as it was then, not as it is now; and that holds over restarts.
func TestGoesBackToTheOwnFileAsItWas(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.own = file(70)
	w.apply(r, nil, time.Minute)
	w.want(r, "70 pending")
	_, err := r.Rollback(t.Context())
	must(t, err)
	w.want(r, "95")
	if !problem(r, ownName+" was taken back") {
		t.Errorf("problems: %+v", r.Problems())
	}
	r = w.mustOpen()
	w.want(r, "95")
	r.Reload(t.Context())
	w.want(r, "70")
	wantNoProblem(t, r)
}

func TestReloadWhilePendingConfirmsNothing(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a", 50), time.Minute)
	w.own = file(70)
	r.Reload(t.Context())
	w.want(r, "70 pending")
	w.up += time.Minute
	r.expire(t.Context())
	w.want(r, "95")
}

func TestLiveChangesStayOnTop(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a", 50), time.Minute)
	change, err := config.ParseUplinkOverride("fibre", "30mbit", "")
	must(t, err)
	must(t, r.SetUplink(t.Context(), change))
	if w.rate() != 30 {
		t.Errorf("download is %d", w.rate())
	}
	_, err = r.Rollback(t.Context())
	must(t, err)
	if w.rate() != 30 {
		t.Errorf("download is %d after a rollback", w.rate())
	}
	r = w.mustOpen()
	if w.rate() != 30 {
		t.Errorf("download is %d after a restart", w.rate())
	}
	must(t, r.ResetUplink(t.Context(), "fibre"))
	w.want(r, "95")
	if err := r.ResetUplink(t.Context(), "dsl"); !errors.Is(err, ErrInvalid) {
		t.Errorf("reset of an unknown uplink: %v", err)
	}
}

// A change that is taken only at the cost of another that is in force is refused, and says which.
func TestLiveChangeDoesNotPushAnotherOut(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	media, err := config.ParseSliceOverride("media", "", "15mbit", "")
	must(t, err)
	low, err := config.ParseUplinkOverride("fibre", "", "18mbit")
	must(t, err)
	off, err := config.ParseUplinkOverride("fibre", "", "off")
	must(t, err)
	must(t, r.SetUplink(t.Context(), off))
	must(t, r.SetSlice(t.Context(), media))
	err = r.SetUplink(t.Context(), low)
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "the live change of slice media would no longer hold: slice.min: the minima sum to 143.3%") {
		t.Errorf("got %v", err)
	}
	if up := w.cfg.Uplinks[0].Upload; up != 0 {
		t.Errorf("upload is %v", up)
	}
	wantNoProblem(t, r)
}

func TestPause(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	must(t, r.Pause(t.Context(), 0))
	w.want(r, "95 paused")
	if !problem(r, "the shaping is paused") {
		t.Errorf("problems: %+v", r.Problems())
	}
	r = w.mustOpen()
	w.want(r, "95 paused")
	if first := w.calls[len(w.calls)-2]; first != "pause" {
		t.Errorf("the start shaped before it paused: %v", w.calls)
	}
	r.Reload(t.Context())
	w.want(r, "95 paused")
	must(t, r.Resume(t.Context()))
	w.want(r, "95")
	wantNoProblem(t, r)

	must(t, r.Pause(t.Context(), time.Minute))
	w.up += 30 * time.Second
	r.expire(t.Context())
	w.want(r, "95 paused")
	if !problem(r, "paused for another 30s") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.up += 30 * time.Second
	r.expire(t.Context())
	w.want(r, "95")
	w.want(w.mustOpen(), "95")

	must(t, r.Pause(t.Context(), 0))
	w.reboot()
	w.want(w.mustOpen(), "95")
}

// Apply shapes whatever was paused or torn down; what it tries goes back to that.
func TestApplyEndsAPauseAndGoesBackToIt(t *testing.T) {
	for name, away := range map[string]func(*Running) error{
		"pause":    func(r *Running) error { return r.Pause(t.Context(), 0) },
		"teardown": func(r *Running) error { _, err := r.Teardown(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.mustOpen()
			must(t, away(r))
			w.want(r, "95 paused")
			w.apply(r, source("a", 50), time.Minute)
			w.want(r, "50 pending")
			w.up += time.Minute
			r.expire(t.Context())
			w.want(r, "95 paused")
			if len(w.calls) < 2 || w.calls[len(w.calls)-2] != name {
				t.Errorf("calls %v, want a %s before the last", w.calls, name)
			}
			w.apply(r, nil, 0)
			w.want(r, "95")
		})
	}
}

// A pause that came after the change stays when that goes back.
func TestPauseWhilePending(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a", 50), time.Minute)
	must(t, r.Pause(t.Context(), 0))
	w.want(r, "50 pending paused")
	w.up += time.Minute
	r.expire(t.Context())
	w.want(r, "95 paused")
	must(t, r.Resume(t.Context()))
	w.want(r, "95")
}

func TestTeardownLastsUntilTheNextStart(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	must(t, r.Pause(t.Context(), 0))
	_, err := r.Teardown(t.Context())
	must(t, err)
	if !problem(r, "torn down") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.want(w.mustOpen(), "95")
}

// A full disk keeps a change from being made, but none from being taken back.
func TestFullDisk(t *testing.T) {
	full := errors.New("no space left")
	w := newWorld(t)
	r := w.mustOpen()
	w.saves = full
	calls := len(w.calls)
	if _, err := r.Apply(t.Context(), source("a", 50), 0); !errors.Is(err, full) || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("apply: %v", err)
	}
	if err := r.Pause(t.Context(), 0); !errors.Is(err, full) {
		t.Errorf("pause: %v", err)
	}
	if len(w.calls) != calls {
		t.Errorf("the box was told: %v", w.calls)
	}
	w.saves = nil
	w.apply(r, source("a", 50), time.Minute)
	w.saves = full
	w.up += time.Minute
	r.expire(t.Context())
	w.want(r, "95")
	if !problem(r, "could not be noted") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.want(w.mustOpen(), "95")
	w.saves = nil
	r.expire(t.Context())
	if problem(r, "could not be noted") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.want(w.mustOpen(), "95")
}

// What the box does not take leaves the old configuration, on the disk too.
func TestBoxRefuses(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.refuse = errors.New("too many subnets")
	if _, err := r.Apply(t.Context(), source("a", 50), time.Minute); !errors.Is(err, w.refuse) {
		t.Errorf("got %v", err)
	}
	change, err := config.ParseUplinkOverride("fibre", "30mbit", "")
	must(t, err)
	if err := r.SetUplink(t.Context(), change); !errors.Is(err, w.refuse) {
		t.Errorf("got %v", err)
	}
	w.want(r, "95")
	w.refuse = nil
	r = w.mustOpen()
	w.want(r, "95")
	must(t, r.ResetUplink(t.Context(), ""))
	w.want(r, "95")
}

// A start always finds something to put in force, and says what it did not.
func TestStartFallsBack(t *testing.T) {
	for _, test := range []struct {
		name          string
		note          note
		own           string
		want, problem string
	}{
		{"applied does not load", note{Applied: &Source{"a.toml", "broken"}}, file(95), "95", "a.toml:1"},
		{"pending does not load", note{Applied: &Source{"a.toml", "broken"}, Pending: &pending{
			deadline: deadline{"first", 2 * time.Hour}, What: "a.toml", Before: source("b.toml", 40),
		}}, file(95), "40", "a.toml was taken back"},
		{"the own file was applied, and does not load any more", note{Pending: &pending{
			deadline: deadline{"first", 2 * time.Hour}, What: ownName, Before: source(ownName, 40),
		}}, "broken", "40", ownName + ":1"},
		{"neither loads, but the own file does", note{Applied: &Source{"a.toml", "broken"}, Pending: &pending{
			deadline: deadline{"first", 2 * time.Hour}, Before: &Source{"b.toml", "broken"},
		}}, file(95), "95", "a.toml:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			must(t, test.note.save(filepath.Join(w.dir, "running.json")))
			w.own = test.own
			r := w.mustOpen()
			w.want(r, test.want)
			if !problem(r, test.problem) {
				t.Errorf("problems: %+v, want %q", r.Problems(), test.problem)
			}
		})
	}
	t.Run("nothing loads", func(t *testing.T) {
		w := newWorld(t)
		w.own = "broken"
		if _, err := w.open(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), ownName+":1") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the box takes nothing", func(t *testing.T) {
		w := newWorld(t)
		w.refuse = errors.New("no kernel")
		if _, err := w.open(); !errors.Is(err, w.refuse) || errors.Is(err, ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

// What was applied and does not load is not forgotten: another version of the agent may take it.
func TestAppliedThatDoesNotLoadIsKept(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.dir, "running.json")
	must(t, note{Applied: &Source{"a.toml", "broken"}}.save(path))
	before, err := os.ReadFile(path)
	must(t, err)
	w.mustOpen()
	after, err := os.ReadFile(path)
	must(t, err)
	if string(before) != string(after) {
		t.Errorf("was %s\nis %s", before, after)
	}
}

// While something else was tried and taken back, what a start refused is not forgotten, nor after another start.
func TestRefusedIsNamedUntilItIsReplaced(t *testing.T) {
	w := newWorld(t)
	must(t, note{Applied: &Source{"a.toml", "broken"}}.save(filepath.Join(w.dir, "running.json")))
	r := w.mustOpen()
	named := func(when string, want bool) {
		t.Helper()
		kept := slices.ContainsFunc(r.Problems(), func(p Problem) bool {
			return strings.Contains(p.What, "a.toml") && strings.Contains(p.Do, "keeps the text of a.toml")
		})
		if kept != want {
			t.Errorf("%s: problems %+v, a.toml named: %v, want %v", when, r.Problems(), kept, want)
		}
	}
	named("started", true)
	must(t, r.Pause(t.Context(), 0))
	r = w.mustOpen()
	named("paused, and started again", true)
	w.apply(r, source("b.toml", 40), time.Minute)
	_, err := r.Rollback(t.Context())
	must(t, err)
	named("b.toml was taken back", true)
	r = w.mustOpen()
	named("started again", true)
	r.Reload(t.Context())
	named("reloaded", false)
	r = w.mustOpen()
	named("reloaded and started again", false)
}

func TestUnreadableNoteIsKept(t *testing.T) {
	for name, text := range map[string]string{"cut": `{"version":1,"appl`, "newer": `{"version":2}`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := filepath.Join(w.dir, "running.json")
			must(t, os.WriteFile(path, []byte(text), 0o600))
			r := w.mustOpen()
			w.want(r, "95")
			if !problem(r, "not in force", "running.json") {
				t.Errorf("problems: %+v", r.Problems())
			}
			w.apply(r, source("a", 50), 0)
			wantNoProblem(t, r)
			kept, err := os.ReadFile(path + ".bad")
			if err != nil || string(kept) != text {
				t.Errorf("kept %q, %v", kept, err)
			}
			w.want(w.mustOpen(), "50")
		})
	}
}

// With flags there is no text to go back to: it is the flags.
func TestWithoutAFile(t *testing.T) {
	w := newWorld(t)
	n := note{Applied: source("a", 50), Pending: &pending{deadline: deadline{"first", 2 * time.Hour}, What: "a"}}
	if back := n.back(nil); back.Applied != nil || back.Pending != nil {
		t.Errorf("goes back to %+v", back)
	}
	w.want(w.mustOpen(), "95")
}

func TestKernelClock(t *testing.T) {
	c, err := KernelClock()
	must(t, err)
	if len(c.Boot) != 36 {
		t.Errorf("boot id %q", c.Boot)
	}
	d, err := c.in(time.Hour)
	must(t, err)
	if left, ahead := c.left(d); !ahead || left > time.Hour || left < time.Hour-time.Minute {
		t.Errorf("%v left, %v", left, ahead)
	}
	if _, ahead := c.left(deadline{Boot: "another", Until: d.Until}); ahead {
		t.Error("another boot is yet to come")
	}
	if _, ahead := c.left(deadline{Boot: c.Boot}); !ahead {
		t.Error("the boot's end is over")
	}
}
