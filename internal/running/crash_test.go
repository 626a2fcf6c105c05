package running

import (
	"context"
	"slices"
	"testing"
	"time"
)

// Whenever the power goes or the agent is killed, the next start has what was in force before or what was asked for; and what was
// not confirmed never stays.
func TestCrashAtEveryMoment(t *testing.T) {
	ctx := context.Background()
	try := func(r *Running, name string, mbit int) error {
		_, err := r.Apply(ctx, source(name, mbit), time.Minute)
		return err
	}
	for _, test := range []struct {
		name string
		do   func(w *world, r *Running) error
		// What may be in force when the agent starts again soon, when the time is over, and after a reboot.
		soon, late, rebooted []string
	}{
		{"apply", func(_ *world, r *Running) error { _, err := r.Apply(ctx, source("a", 50), 0); return err },
			[]string{"95", "50"}, []string{"95", "50"}, []string{"95", "50"}},
		{"apply to be confirmed", func(_ *world, r *Running) error { return try(r, "a", 50) },
			[]string{"95", "50 pending"}, []string{"95"}, []string{"95"}},
		{"apply and confirm", func(_ *world, r *Running) error { return firstError(try(r, "a", 50), r.Confirm) },
			[]string{"95", "50 pending", "50"}, []string{"95", "50"}, []string{"95", "50"}},
		{"apply and rollback", func(_ *world, r *Running) error {
			return firstError(try(r, "a", 50), func() error { _, err := r.Rollback(ctx); return err })
		}, []string{"95", "50 pending"}, []string{"95"}, []string{"95"}},
		{"apply, and its time ends", func(w *world, r *Running) error {
			return firstError(try(r, "a", 50), func() error { w.up += time.Hour; r.expire(ctx); return nil })
		}, []string{"95", "50 pending"}, []string{"95"}, []string{"95"}},
		{"apply twice", func(_ *world, r *Running) error {
			return firstError(try(r, "a", 50), func() error { return try(r, "b", 40) })
		}, []string{"95", "50 pending", "40 pending"}, []string{"95"}, []string{"95"}},
		{"apply, then apply what stays", func(_ *world, r *Running) error {
			return firstError(try(r, "a", 50), func() error { _, err := r.Apply(ctx, source("b", 40), 0); return err })
		}, []string{"95", "50 pending", "40"}, []string{"95", "40"}, []string{"95", "40"}},
		{"apply and reload", func(w *world, r *Running) error {
			return firstError(try(r, "a", 50), func() error { w.own = file(70); r.Reload(ctx); return r.reload })
		}, []string{"95", "50 pending", "70 pending"}, []string{"95"}, []string{"95"}},
		{"apply the own file anew", func(w *world, r *Running) error {
			w.own = file(70)
			_, err := r.Apply(ctx, nil, time.Minute)
			return err
		}, []string{"70", "70 pending"}, []string{"70", "95"}, []string{"70", "95"}}, // a start reads it anew by itself
		{"apply after a pause", func(_ *world, r *Running) error {
			return firstError(r.Pause(ctx, 0), func() error { return try(r, "a", 50) })
		}, []string{"95", "95 paused", "50 pending"}, []string{"95", "95 paused"}, []string{"95"}},
		{"pause and resume", func(_ *world, r *Running) error {
			return firstError(r.Pause(ctx, time.Minute), func() error { return r.Resume(ctx) })
		}, []string{"95", "95 paused"}, []string{"95"}, []string{"95"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for at := 1; ; at++ {
				for when, want := range map[string][]string{"soon": test.soon, "late": test.late, "rebooted": test.rebooted} {
					w := newWorld(t)
					r := w.mustOpen()
					w.points, w.crashAt = 0, at
					if !crashes(t, func() error { return test.do(w, r) }) {
						if at < 3 {
							t.Fatal("there was nothing to crash in")
						}
						return
					}
					w.crashAt = 0
					switch when {
					case "late":
						w.up += time.Hour
					case "rebooted":
						w.reboot()
					}
					if got := w.is(w.mustOpen()); !slices.Contains(want, got) {
						t.Errorf("crash %d, started again %s: %s is in force, want one of %q", at, when, got, want)
					}
				}
			}
		})
	}
}

// What was applied and is refused at a start is kept whatever happens then, but for what is put in force on purpose: another version
// of the agent takes it. Until then status names it.
func TestCrashWithSomethingRefused(t *testing.T) {
	ctx := context.Background()
	try := func(r *Running) error { _, err := r.Apply(ctx, source("a", 50), time.Minute); return err }
	for _, test := range []struct {
		name string
		do   func(w *world, r *Running) error
		// What may be in force later with the same version, which refuses 200, and with another.
		same, other []string
	}{
		{"pause and resume", func(_ *world, r *Running) error {
			return firstError(r.Pause(ctx, time.Minute), func() error { return r.Resume(ctx) })
		}, []string{"95"}, []string{"200"}},
		{"teardown", func(_ *world, r *Running) error { _, err := r.Teardown(ctx); return err }, []string{"95"}, []string{"200"}},
		{"apply and rollback", func(_ *world, r *Running) error {
			return firstError(try(r), func() error { _, err := r.Rollback(ctx); return err })
		}, []string{"95"}, []string{"200"}},
		{"apply, and its time ends", func(w *world, r *Running) error {
			return firstError(try(r), func() error { w.up += time.Hour; r.expire(ctx); return nil })
		}, []string{"95"}, []string{"200"}},
		{"apply and confirm", func(_ *world, r *Running) error { return firstError(try(r), r.Confirm) },
			[]string{"95", "50"}, []string{"200", "50"}},
		{"reload", func(_ *world, r *Running) error { r.Reload(ctx); return r.reload }, []string{"95"}, []string{"200", "95"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for at, crashed := 1, true; crashed; at++ {
				w := newWorld(t)
				w.apply(w.mustOpen(), source("fast.toml", 200), 0)
				w.most = 100
				r := w.mustOpen()
				w.points, w.crashAt = 0, at
				crashed = crashes(t, func() error { return test.do(w, r) })
				w.crashAt = 0
				w.up += time.Hour
				r = w.mustOpen()
				if got := w.is(r); !slices.Contains(test.same, got) {
					t.Errorf("crash %d: %s is in force, want one of %q", at, got, test.same)
				}
				named := problem(r, "could not be", "200 Mbit/s")
				w.most = 0
				got := w.is(w.mustOpen())
				if !slices.Contains(test.other, got) || named != (got == "200") {
					t.Errorf("crash %d, then another version: %s is in force, want one of %q; named before: %v", at, got, test.other, named)
				}
			}
		})
	}
}

func firstError(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// crashes reports whether do was cut short.
func crashes(t *testing.T, do func() error) (crashed bool) {
	t.Helper()
	defer func() {
		switch p := recover(); p {
		case nil:
		case crash{}:
			crashed = true
		default:
			panic(p)
		}
	}()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return false
}

// A start that is itself cut short, again and again, still comes to the same.
func TestCrashWhileStarting(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		if _, err := w.mustOpen().Apply(t.Context(), source("a", 50), time.Minute); err != nil {
			t.Fatal(err)
		}
		w.reboot()
		w.points, w.crashAt = 0, at
		crashed := crashes(t, func() error { _, err := w.open(); return err })
		w.crashAt = 0
		if got := w.is(w.mustOpen()); got != "95" {
			t.Errorf("crash %d: %s is in force, want 95", at, got)
		}
		if !crashed {
			return
		}
	}
}
