package running

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/config"
)

func TestConfirmComesTooLate(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("a.toml", 50), time.Minute)
	w.up += time.Minute // Run did not look yet
	if err := r.Confirm(); !errors.Is(err, ErrNothingPending) {
		t.Errorf("confirm: %v", err)
	}
	w.want(r, "95") // at once
}

// What was in force before, and does not load any more, gives way to the agent's own file.
func TestGoesBackToTheOwnFile(t *testing.T) {
	for name, back := range map[string]func(*Running) error{
		"expire":   func(r *Running) error { r.expire(t.Context()); return nil },
		"rollback": func(r *Running) error { _, err := r.Rollback(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.mustOpen()
			w.apply(r, source("a.toml", 50), 0)
			w.apply(r, source("b.toml", 40), time.Minute)
			r.note.Pending.Before = &Source{Name: "a.toml", Text: "[venue]\nspeed = 9"}
			w.up += time.Minute
			must(t, back(r))
			w.want(r, "95")
			if !problem(r, "could not be", "a.toml:2: venue.speed") {
				t.Errorf("problems: %+v", r.Problems())
			}
		})
	}
}

// With nothing to go back to, it is the agent that failed, not who asked.
func TestNothingToGoBackTo(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	w.apply(r, source("b.toml", 40), time.Minute)
	r.note.Pending.Before = &Source{Name: "a.toml", Text: "broken"}
	w.own = "broken"
	if _, err := r.Rollback(t.Context()); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("rollback: %v", err)
	}
	w.want(r, "40 pending")

	w.up += time.Minute
	tries, own := 0, r.cfg.Own
	r.cfg.Own = func() (*config.Config, *Source, error) { tries++; return own() }
	for range 60 {
		r.expire(t.Context())
		w.up += lookEvery
	}
	if tries > 20 { // each asks two or three times
		t.Errorf("asked %d times in a minute", tries)
	}
	if !problem(r, "still in force", "go back") {
		t.Errorf("problems: %+v", r.Problems())
	}
	w.own = file(95)
	w.up += mostBetweenTries
	r.expire(t.Context())
	w.want(r, "95")
	if problem(r, "still in force") {
		t.Errorf("problems: %+v", r.Problems())
	}
}

func TestTeardownIsNoPause(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	_, err := r.Teardown(t.Context())
	must(t, err)
	if err := r.Pause(t.Context(), time.Second); !errors.Is(err, ErrTornDown) {
		t.Errorf("pause: %v", err)
	}
	if err := r.Resume(t.Context()); !errors.Is(err, ErrTornDown) {
		t.Errorf("resume: %v", err)
	}
	w.up += time.Minute
	r.expire(t.Context())
	w.want(r, "95 paused")
	w.apply(r, nil, 0)
	w.want(r, "95")
}

// A note that was replaced, but not for sure, is not what the next start finds.
func TestNoteThatFailedIsGone(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	save, failed := r.save, false
	r.save = func(n note) error {
		err := save(n)
		if !failed {
			failed, err = true, errors.New("sync failed")
		}
		return err
	}
	if _, err := r.Apply(t.Context(), source("a.toml", 50), 0); err == nil {
		t.Error("no error")
	}
	w.want(w.mustOpen(), "95")
}

func TestSetAsideKeepsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "running.json")
	for _, text := range []string{"a", "b", "c"} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		must(t, setAside(path, errors.New("unreadable")))
	}
	for name, want := range map[string]string{".bad": "a", ".bad2": "b", ".bad3": "c"} {
		if got, err := os.ReadFile(path + name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
