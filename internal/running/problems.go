package running

import (
	"fmt"
	"time"
)

// Problem is something that whoever is on site should know, and what to do about it.
type Problem struct {
	What, Do string
}

// Problems tells what is pending, and what is not as somebody wanted it.
func (r *Running) Problems() []Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Problem
	add := func(do, what string, args ...any) {
		list = append(list, Problem{What: fmt.Sprintf(what, args...), Do: do})
	}
	if p := r.note.Pending; p != nil {
		left, _ := r.cfg.Clock.left(p.deadline)
		add("slicectl confirm keeps it, slicectl rollback takes it back now",
			"a change is pending: %s is taken back in %s", p.What, seconds(left))
	}
	if a := r.note.Applied; r.standsIn && a != nil {
		add("slicectl apply, or SIGHUP, puts the agent's own file in force; slicectl apply FILE another one",
			"%s is in force since it was applied, and the agent's own file says something else", a.Name)
	}
	if name := r.note.TakenBack; name != "" {
		add("mend it, then apply it again; the next apply or reload ends this message",
			"%s was taken back: what was in force before is again", name)
	}
	switch p := r.note.Pause; {
	case r.tornDown:
		add("slicectl apply shapes again, and so does the next start", "the shaping was torn down")
	case p != nil && p.Until != 0:
		left, _ := r.cfg.Clock.left(*p)
		add("slicectl resume shapes again at once", "the shaping is paused for another %s", seconds(left))
	case p != nil:
		add("slicectl resume shapes again", "the shaping is paused")
	}
	r.addMistakes(add)
	return list
}

func (r *Running) addMistakes(add func(do, what string, args ...any)) {
	if r.reload != nil {
		add("mend the file, then reload again", "reload failed, the old configuration stays: %v", r.reload)
	}
	do, kept := "mend it, then apply it again, or reload", r.note.Refused
	if kept != nil {
		do += "; until then running.json in the state directory keeps the text of " + kept.Name
	}
	switch {
	case r.refused != nil:
		add(do, "what was to be in force could not be: %v", r.refused)
	case kept != nil: // what was tried since is forgotten, and this is not
		add(do, "%s was applied, and could not be put in force at the start", kept.Name)
	}
	if r.stuck != nil {
		add("mend it, or apply another file; it is tried again by itself",
			"a change that nobody confirmed is still in force: %v", r.stuck)
	}
	if r.unreadNote != nil {
		add("apply it again; the file is kept under another name with the first change",
			"what was applied before this start is not in force: %v", r.unreadNote)
	}
	if r.unsaved {
		add("make room on the disk of the state directory; it is tried again by itself",
			"what is in force could not be noted: the next start will not know")
	}
	if r.unreadLive != nil {
		add("set them again; the file is kept under another name with the first change",
			"live changes of earlier starts are not in force: %v", r.unreadLive)
	}
	for _, d := range r.dropped {
		kind, name := "slice", d.Slice
		if d.Slice == "" {
			kind, name = "uplink", d.Uplink
		}
		add("it waits for a file that takes it; slicectl "+kind+" reset "+name+" forgets it",
			"a live change of %s %s is not in force: %v", kind, name, d.Why)
	}
}

// seconds rounds up: a change with time left is never due in 0s.
func seconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }
