package shaper

import "time"

// reason is why the kernel is looked at.
type reason uint8

const (
	onDemand   reason = iota // the configuration changed
	onReaction               // what is made of it did
	onRetry                  // it failed, or there was a fight
	onDrift                  // something happened, or may have
)

// fights notices when what was healed is broken again and again.
type fights struct {
	rounds map[string][]time.Time // by what was healed
	over   string                 // what was fought over last; "" for no fight
	plan   string                 // the plan that was last made for it
	until  time.Time              // keep still
}

const (
	fightRounds = 20
	fightWithin = time.Minute
)

// record notes that something was healed. Twenty times within a minute is a fight: over the same objects, whatever values another
// program gives them.
func (f *fights) record(now time.Time, p Plan) {
	plan := p.objects()
	recent := make(map[string][]time.Time)
	for p, times := range f.rounds {
		for _, t := range times {
			if now.Sub(t) < fightWithin {
				recent[p] = append(recent[p], t)
			}
		}
	}
	recent[plan] = append(recent[plan], now)
	f.rounds = recent
	// Once at it, a fight goes on with every round: one a minute.
	if len(recent[plan]) >= fightRounds || f.fighting(now) && plan == f.over {
		f.over, f.plan, f.until = plan, p.String(), now.Add(fightWithin)
	}
}

// fighting reports whether there was a fight just now, and so is one yet.
func (f *fights) fighting(now time.Time) bool {
	return f.over != "" && now.Before(f.until.Add(fightWithin))
}

// wait is how long to keep still.
func (f *fights) wait(now time.Time) time.Duration { return max(f.until.Sub(now), 0) }
