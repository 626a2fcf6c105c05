package running

import (
	"context"
	"time"
)

// lookEvery bounds how late Run is after the box was suspended: Go's timers do not run then.
const lookEvery = time.Second

// Run takes back what is not confirmed in time, and ends pauses, until ctx ends.
func (r *Running) Run(ctx context.Context) error {
	for {
		var soon <-chan time.Time
		if wait, any := r.nextLook(); any {
			soon = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-soon:
			r.expire(ctx)
		}
	}
}

// ring has Run look at the times again.
func (r *Running) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// nextLook is how long Run may sleep, and whether there is anything to wait for. What was due and failed is tried again after
// lookEvery.
func (r *Running) nextLook() (wait time.Duration, any bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait, any = lookEvery, r.unsaved
	await := func(d deadline) {
		any = true
		if left, _ := r.cfg.Clock.left(d); left > 0 {
			wait = min(wait, left)
		}
	}
	if p := r.note.Pending; p != nil {
		await(p.deadline)
	}
	if p := r.note.Pause; p != nil && p.Until != 0 {
		await(*p)
	}
	return wait, any
}

func (r *Running) expire(ctx context.Context) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.unsaved {
		r.keep(r.note)
	}
	if p := r.note.Pending; p != nil && r.over(p.deadline) {
		if _, err := r.goBack(ctx, r.takenBack(r.note)); err != nil {
			r.log.Error("rollback_failed", "error", err)
		}
	}
	if p := r.note.Pause; p != nil && r.over(*p) {
		next := r.note
		next.Pause = nil
		r.keep(next)
		if err := r.resume(ctx, next); err != nil {
			r.log.Error("resume_incomplete", "error", err)
		}
		r.log.Info("resumed")
	}
}
