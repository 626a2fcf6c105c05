package running

import (
	"context"
	"fmt"
	"time"

	"github.com/slicegate/slicegate/internal/config"
)

// Plan tells what Apply of the same would do now; nil is the agent's own configuration.
func (r *Running) Plan(ctx context.Context, src *Source) (Plan, error) {
	file, _, err := r.read(src) // may take long: nobody waits for it
	if err != nil {
		return Plan{}, err
	}
	if err := r.changing.await(ctx); err != nil {
		return Plan{}, err
	}
	defer r.changing.Unlock()
	cfg, _, _, err := file.WithStored(r.live)
	if err != nil {
		return Plan{}, err
	}
	return r.box.Plan(ctx, cfg)
}

// Apply puts src in force until Reload, over restarts too; nil is the agent's own configuration, read anew. With confirm above 0 it
// goes back by itself to what is in force now, unless Confirm comes within that time. While a change is pending, Apply with confirm
// begins its time anew, and goes back to what was before the first of them; without, it ends the pending change.
func (r *Running) Apply(ctx context.Context, src *Source, confirm time.Duration) (Report, error) {
	file, source, err := r.read(src) // may take long: nobody waits for it
	if err != nil {
		return Report{}, err
	}
	if err := r.changing.await(ctx); err != nil {
		return Report{}, err
	}
	defer r.changing.Unlock()
	next := note{Applied: src}
	if confirm > 0 {
		if next.Pending, err = r.trial(source, confirm); err != nil {
			return Report{}, err
		}
	}
	return r.enter(ctx, next, file, source)
}

// trial is the pending change that Apply begins, or goes on with.
func (r *Running) trial(source *Source, confirm time.Duration) (*pending, error) {
	end, err := r.cfg.Clock.in(confirm)
	if err != nil {
		return nil, err
	}
	p := pending{Before: r.source, Refused: r.note.Refused, Pause: r.note.Pause, TornDown: r.tornDown}
	if r.note.Pending != nil {
		p = *r.note.Pending
	}
	p.deadline, p.What = end, "the agent's own configuration"
	if source != nil {
		p.What = source.Name
	}
	return &p, nil
}

// enter notes next, then has the box do it.
func (r *Running) enter(ctx context.Context, next note, file *config.Config, source *Source) (Report, error) {
	cfg, dropped, err := r.effective(file, r.live)
	if err != nil {
		return Report{}, err
	}
	if err := r.notice(next); err != nil {
		return Report{}, err
	}
	report, err := r.box.Apply(context.WithoutCancel(ctx), cfg)
	if err != nil { // the old one stays
		r.keep(r.note)
		return Report{}, err
	}
	r.settle(next, file, source, dropped, func() { r.tornDown, r.reload, r.refused, r.standsIn = false, nil, nil, false })
	return report, nil
}

// settle makes what is in force what is shown, and what also changes with it, in one step.
func (r *Running) settle(n note, file *config.Config, source *Source, dropped []config.Dropped, also ...func()) {
	r.mu.Lock()
	for _, change := range also {
		change()
	}
	r.note, r.file, r.source, r.dropped = n, file, source, dropped
	if n.Pending == nil {
		r.stuck, r.retry, r.between = nil, deadline{}, 0
	}
	r.mu.Unlock()
	r.ring()
}

// Confirm keeps a pending change. One whose time is over is taken back, even if Run did not come to it yet.
func (r *Running) Confirm() error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.note.Pending == nil {
		return ErrNothingPending
	}
	if r.over(r.note.Pending.deadline) {
		r.takeBack(context.Background())
		return fmt.Errorf("%w: its time is over", ErrNothingPending)
	}
	next := r.note
	next.Pending = nil
	if err := r.notice(next); err != nil {
		return err
	}
	r.settle(next, r.file, r.source, r.dropped)
	r.log.Info("confirmed")
	return nil
}

// Rollback takes a pending change back now.
func (r *Running) Rollback(ctx context.Context) (Report, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.note.Pending == nil {
		return Report{}, ErrNothingPending
	}
	next := r.takenBack(r.note)
	if own := r.own(); next.Applied == nil || own != nil && own.Name != next.Applied.Name {
		next.TakenBack = "" // whoever asked knows; else it is to be seen that the agent's own file says something else
	}
	return r.goBack(ctx, next)
}

// goBack puts in force what was before a pending change. A full disk does not keep it from that: the note that stays says that
// the change is pending, so the next start would take it back again.
func (r *Running) goBack(ctx context.Context, next note) (Report, error) {
	next, file, source, err := r.readBack(next)
	if err != nil {
		return Report{}, err
	}
	cfg, dropped, err := r.effective(file, r.live)
	if err != nil {
		return Report{}, fmt.Errorf("go back: %w", err)
	}
	was := r.note
	tornDown := r.tornDown || was.Pending.TornDown
	r.keep(next)
	report, err := r.restore(context.WithoutCancel(ctx), cfg, next.Pause != nil, tornDown)
	if err != nil {
		r.keep(was) // Run tries again
		return Report{}, fmt.Errorf("go back: %w", err)
	}
	r.settle(next, file, source, dropped, func() { r.tornDown = tornDown })
	r.log.Warn("taken_back", "change", was.Pending.What)
	return report, nil
}

// readBack reads what next says, or, as a start does, the agent's own configuration if that does not load any more.
func (r *Running) readBack(next note) (note, *config.Config, *Source, error) {
	file, source, err := r.read(next.Applied)
	if err != nil && next.Applied != nil {
		r.refuse(err)
		next = next.withoutApplied()
		file, source, err = r.read(nil)
	}
	if err != nil { // %v: it is no mistake of whoever asked to go back
		return next, nil, nil, fmt.Errorf("go back: %v", err) //nolint:errorlint // see above
	}
	return next, file, source, nil
}

// restore has the box do what was in force before, shaping or not.
func (r *Running) restore(ctx context.Context, cfg *config.Config, paused, tornDown bool) (Report, error) {
	var err error
	var notRestored []string
	switch {
	case tornDown:
		notRestored, err = r.box.Teardown(ctx)
	case paused:
		err = r.box.Pause(ctx)
	default:
		return r.box.Apply(ctx, cfg)
	}
	if len(notRestored) > 0 {
		r.log.Warn("roots_not_restored", "roots", notRestored)
	}
	var report Report
	if err != nil { // the box tries again
		report.Failed = []Failure{{Why: err.Error()}}
	}
	return report, r.box.Set(ctx, cfg)
}

// Reload puts the agent's own configuration in force, and ends what was applied in its place. What does not load changes nothing, and
// is told by Problems until the next time. A pause stays, and so does the time of a pending change: nobody has confirmed
// anything.
func (r *Running) Reload(ctx context.Context) {
	r.changing.Lock()
	defer r.changing.Unlock()
	err := r.reloadOwn(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reload = err
	if err != nil {
		r.log.Error("reload_failed", "error", err)
		return
	}
	r.refused, r.standsIn = nil, false
	r.log.Info("reloaded")
}

func (r *Running) reloadOwn(ctx context.Context) error {
	file, source, err := r.read(nil)
	if err != nil {
		return err
	}
	cfg, dropped, err := r.effective(file, r.live)
	if err != nil {
		return err
	}
	next := note{Pending: r.note.Pending, Pause: r.note.Pause}
	if err := r.notice(next); err != nil {
		return err
	}
	if err := r.box.Set(ctx, cfg); err != nil {
		r.keep(r.note)
		return err
	}
	r.settle(next, file, source, dropped)
	return nil
}
