package running

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/config"
)

// A plan of a file that takes long to read holds up no change.
func TestReadingHoldsUpNobody(t *testing.T) {
	for name, ask := range map[string]func(*Running) error{
		"plan":  func(r *Running) error { _, err := r.Plan(t.Context(), nil); return err },
		"apply": func(r *Running) error { _, err := r.Apply(t.Context(), nil, 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.mustOpen()
			w.apply(r, source("a.toml", 50), time.Minute)
			own, reading, finish := r.cfg.Own, make(chan struct{}), make(chan struct{})
			r.cfg.Own = func() (*config.Config, *Source, error) {
				close(reading)
				<-finish
				return own()
			}
			asked := make(chan error, 1)
			go func() { asked <- ask(r) }()
			<-reading
			confirmed := make(chan error, 1)
			go func() { confirmed <- r.Confirm() }()
			select {
			case err := <-confirmed:
				must(t, err)
			case <-time.After(5 * time.Second):
				t.Error("a change waits for the reading of a file")
			}
			close(finish)
			must(t, <-asked)
		})
	}
}

func TestWaitEndsWithTheCaller(t *testing.T) {
	w := newWorld(t)
	r := w.mustOpen()
	r.changing.Lock()
	defer r.changing.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Plan(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("plan: %v", err)
	}
	if _, err := r.Apply(ctx, nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v", err)
	}
}
