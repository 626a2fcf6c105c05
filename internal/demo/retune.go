package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

// retunes are made in turn.
var retunes = []client.SliceChange{
	{Name: "media", Max: "60%"}, {Name: "realtime", Max: "70%"}, {Name: "telemetry", Max: "50%"},
	{Name: "media", Max: "100%"}, {Name: "realtime", Max: "80%"}, {Name: "telemetry", Max: "100%"},
}

const retunesPerSecond = 20

// Retuned is how changes of slices went.
type Retuned struct {
	PerSecond float64       // at most what was wanted
	Longest   time.Duration // until one was made
}

// Retune changes slices 20 times a second, and looks at the books each second. A change that is late is followed the sooner by the next.
func (a *Agent) Retune(ctx context.Context, length time.Duration, books *Books) (r Retuned, err error) {
	const changeEvery = time.Second / retunesPerSecond
	changes := int(length / changeEvery)
	began := time.Now()
	for n := range changes {
		if !pause(ctx, time.Until(began.Add(time.Duration(n)*changeEvery))) {
			return r, ctx.Err()
		}
		if n%retunesPerSecond == 0 {
			if err := books.Look(ctx, a); err != nil {
				return r, err
			}
		}
		asked := time.Now()
		if err := a.SetSlice(ctx, retunes[n%len(retunes)]); err != nil {
			return r, err
		}
		r.Longest = max(r.Longest, time.Since(asked))
	}
	r.PerSecond = float64(changes) / max(time.Since(began), length).Seconds()
	return r, books.Look(ctx, a)
}

// KillAndStart ends the agent as a crash would, starts it again after a while, and gives what it took then until it was ready. It looks
// at the books before and after that.
func (a *Agent) KillAndStart(ctx context.Context, dead time.Duration, books *Books) (ready time.Duration, err error) {
	if err := books.Look(ctx, a); err != nil {
		return 0, err
	}
	if err := a.Kill(); err != nil {
		return 0, err
	}
	if !pause(ctx, dead) {
		return 0, ctx.Err()
	}
	began := time.Now()
	if err := a.Start(ctx); err != nil {
		return 0, fmt.Errorf("start after kill -9: %w", err)
	}
	ready = time.Since(began)
	return ready, books.Look(ctx, a)
}
