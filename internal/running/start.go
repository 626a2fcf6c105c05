package running

import "context"

// way is what a start may put in force.
type way struct {
	note  note
	store bool // it is not what the disk says
}

// waysFrom lists what may be put in force at a start that finds n, the best first. What was applied and does not load stays in the
// note, and is tried at each start: another version of the agent may take it.
func (r *Running) waysFrom(n note) []way {
	var list []way
	stale := n.Pause != nil && r.over(*n.Pause)
	if stale {
		n.Pause = nil
	}
	if n.Pending == nil || !r.over(n.Pending.deadline) {
		list = append(list, n.ways(stale)...)
	}
	if n.Pending != nil {
		n = r.takenBack(n)
		list = append(list, n.ways(true)...)
	}
	if n.Applied != nil {
		list = append(list, way{n.withoutApplied(), false})
	}
	return list
}

// ways is n, after what n says was refused.
func (n note) ways(store bool) []way {
	if n.Refused == nil {
		return []way{{n, store}}
	}
	again := n
	again.Applied, again.Refused = n.Refused, nil
	return []way{{again, true}, {n, store}}
}

func (r *Running) over(d deadline) bool {
	_, ahead := r.cfg.Clock.left(d)
	return !ahead
}

// takenBack is n after its pending change was taken back without being asked.
func (r *Running) takenBack(n note) note {
	before := n.back(r.own())
	before.TakenBack = n.Pending.What
	if before.Pause != nil && r.over(*before.Pause) {
		before.Pause = nil
	}
	return before
}

// own is what the agent's own file says now; nil for nothing.
func (r *Running) own() *Source {
	_, src, _ := r.cfg.Own()
	return src
}

// choose drops the ways that do not load before the first that does, and notes why.
func (r *Running) choose() (err error) {
	for ; len(r.ways) > 0; r.ways = r.ways[1:] {
		n := r.ways[0].note
		if r.file, r.source, err = r.read(n.Applied); err == nil {
			r.note = n
			return nil
		}
		r.refuse(err)
	}
	return err
}

// refuse notes why the best way was not taken.
func (r *Running) refuse(err error) {
	r.log.Error("configuration_refused", "error", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = err
	}
}

// Start puts in force what New chose. What the box does not take gives way to what was before it.
func (r *Running) Start(ctx context.Context, box Box) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.box = box
	for {
		err := r.begin(ctx, r.ways[0])
		if err == nil {
			r.ring()
			return nil
		}
		if r.ways = r.ways[1:]; len(r.ways) == 0 {
			return err
		}
		r.refuse(err)
		if err := r.choose(); err != nil {
			return err
		}
	}
}

func (r *Running) begin(ctx context.Context, w way) error {
	cfg, dropped, err := r.effective(r.file, r.live)
	if err != nil {
		return err
	}
	if w.store {
		r.keep(w.note)
	}
	if w.note.Pause != nil {
		if err := r.box.Pause(ctx); err != nil {
			return err
		}
	}
	if err := r.box.Set(ctx, cfg); err != nil {
		return err
	}
	standsIn := false
	if a := w.note.Applied; a != nil {
		own := r.own()
		standsIn = own != nil && own.Text != a.Text
		r.log.Info("applied_file_in_force", "file", a.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped, r.standsIn = dropped, standsIn
	return nil
}
