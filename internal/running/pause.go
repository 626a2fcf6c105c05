package running

import (
	"context"
	"time"
)

// Pause takes the shaping away, for a time if d is above 0. A restart of the agent keeps it, a reboot ends it. After Teardown it is
// refused with ErrTornDown: a pause that ends would shape again.
func (r *Running) Pause(ctx context.Context, d time.Duration) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.tornDown {
		return ErrTornDown
	}
	until, err := r.cfg.Clock.in(d)
	if err != nil {
		return err
	}
	next := r.note
	next.Pause = &until
	if err := r.notice(next); err != nil {
		return err
	}
	r.settle(next, r.file, r.source, r.dropped)
	return r.box.Pause(context.WithoutCancel(ctx))
}

// Resume shapes again after Pause. After Teardown it is refused with ErrTornDown.
func (r *Running) Resume(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.tornDown {
		return ErrTornDown
	}
	next := r.note
	next.Pause = nil
	if err := r.notice(next); err != nil {
		return err
	}
	return r.resume(ctx, next)
}

func (r *Running) resume(ctx context.Context, next note) error {
	r.settle(next, r.file, r.source, r.dropped)
	return r.box.Resume(context.WithoutCancel(ctx))
}

// Teardown takes the shaping away until Apply or the next start, and puts back what was there before; it names what can't be.
func (r *Running) Teardown(ctx context.Context) (notRestored []string, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	next := r.note
	next.Pause = nil // the next start shapes
	if err := r.notice(next); err != nil {
		return nil, err
	}
	r.settle(next, r.file, r.source, r.dropped, func() { r.tornDown = true })
	return r.box.Teardown(context.WithoutCancel(ctx))
}
