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
	if p := r.note.Pause; p != nil && p.Until != 0 && !r.tornDown {
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
	if p := r.note.Pending; p != nil && r.over(p.deadline) && r.over(r.retry) {
		r.takeBack(ctx)
	}
	if p := r.note.Pause; p != nil && r.over(*p) && !r.tornDown {
		next := r.note
		next.Pause = nil
		r.keep(next)
		if err := r.resume(ctx, next); err != nil {
			r.log.Error("resume_incomplete", "error", err)
		}
		r.log.Info("resumed")
	}
}

// mostBetweenTries bounds the time between two tries to go back, which doubles.
const mostBetweenTries = time.Minute

// takeBack takes back a pending change whose time is over. What keeps it from that is told by Problems until a later try succeeds.
func (r *Running) takeBack(ctx context.Context) {
	_, err := r.goBack(ctx, r.takenBack(r.note))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck = err
	if err == nil {
		r.between, r.retry = 0, deadline{}
		return
	}
	r.log.Error("rollback_failed", "error", err)
	r.between = min(max(2*r.between, lookEvery), mostBetweenTries)
	if r.retry, err = r.cfg.Clock.in(r.between); err != nil {
		r.retry = deadline{} // without a clock, the next look tries again
	}
}
