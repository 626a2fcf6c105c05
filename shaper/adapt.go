package shaper

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// adaptEvery is how often the leaves are looked at. A crowd that comes fills the provider's queue within a second.
const adaptEvery = 250 * time.Millisecond

// blindFor is how many looks may fail before trees are as configured.
const blindFor = 20

// adapt has the trees of downloads follow what their leaves drop and hold, until ctx ends.
func (s *Shaper) adapt(ctx context.Context) error {
	tick := time.NewTicker(adaptEvery)
	defer tick.Stop()
	var v view
	for failed := 0; ; {
		err := s.adaptTo(ctx, &v)
		switch failed++; {
		case err == nil:
			failed = 0
		case failed == 1:
			s.log.Error("leaves_not_read", "error", err)
		case failed == blindFor: // what was seen is no reason any more
			v = view{}
			s.rec.asConfigured(ctx)
		}
		select {
		case <-ctx.Done():
			s.rec.asConfigured(ctx) // nobody else would widen them
			return nil
		case <-tick.C:
		}
	}
}

// view is what downloads were seen to do.
type view struct {
	at      time.Time
	leaves  map[Key]leafStats
	strains map[string]*strain // by uplink
}

// adaptTo looks at the leaves, and changes what is to change.
func (s *Shaper) adaptTo(ctx context.Context, v *view) error {
	if !s.shapesDownloads() {
		*v = view{}
		s.rec.adapt(ctx, nil)
		return nil
	}
	leaves, at, err := s.leaves()
	if err != nil {
		return err
	}
	s.rec.adapt(ctx, v.see(s.config(), leaves, at))
	return nil
}

func (s *Shaper) shapesDownloads() bool {
	for _, k := range s.shaped() {
		if k.Direction == slice.Down {
			return true
		}
	}
	return false
}

// see compares the leaves with those of the look before, and gives the answers, by uplink. There is none for those that need none.
func (v *view) see(cfg Config, leaves map[Key]leafStats, now time.Time) map[string]reaction {
	span := now.Sub(v.at)
	before, strains := v.leaves, v.strains
	v.at, v.leaves, v.strains = now, leaves, make(map[string]*strain)
	reactions := make(map[string]reaction)
	for _, u := range cfg.Uplinks {
		st := strains[u.Name]
		if st == nil {
			st = new(strain)
		}
		v.strains[u.Name] = st
		if r := st.see(u.Download, ratesOf(cfg.Slices, u, before, leaves, span), span); !r.equals(reaction{}) {
			reactions[u.Name] = r
		}
	}
	return reactions
}

// ratesOf gives what a download's leaves did between two looks, those that were there at both. Queues are those of best effort: what is
// urgent is not to wait, and heeds no drop.
func ratesOf(all []Slice, u Uplink, before, now map[Key]leafStats, span time.Duration) map[slice.ID]leafRates {
	patient := bestEffort(all)
	rates := make(map[slice.ID]leafRates)
	for k, l := range now {
		was, ok := before[k]
		if ok && k.Uplink == u.Index && k.Direction == slice.Down {
			r := l.since(was, span, u.Overhead)
			if patient&(1<<k.Slice) == 0 {
				r.queues = 0
			}
			rates[k.Slice] = r
		}
	}
	return rates
}

// since gives what a leaf did in a time, of frames that the link adds to. Counters that went back are another qdisc's, or were wiped. Queues
// are those that held something at both ends: between, they may have waited for their turns.
func (l leafStats) since(was leafStats, span time.Duration, o Overhead) leafRates {
	if span <= 0 || l.drops < was.drops || l.sent.Packets < was.sent.Packets || l.sent.Bytes < was.sent.Bytes {
		return leafRates{}
	}
	bytes, packets, drops := l.sent.Bytes-was.sent.Bytes, l.sent.Packets-was.sent.Packets, l.drops-was.drops
	frame := float64(fullFrame)
	if packets > 0 { // what is dropped, or waits, is as large as what has left
		frame = float64(bytes) / float64(packets)
	}
	seconds, bits := span.Seconds(), 8*o.onLink(frame)
	waiting := (float64(l.backlog) - float64(was.backlog)) / frame // frames more than before
	return leafRates{
		arrived: (float64(packets+drops) + waiting) * bits / seconds,
		dropped: float64(drops) * bits / seconds,
		packets: float64(packets) / seconds,
		queues:  min(l.queues, was.queues),
	}
}

// onLink is how many bytes a link carries for a frame of so many.
func (o Overhead) onLink(frame float64) float64 {
	frame = max(frame+float64(o.Bytes), float64(o.MinFrame))
	if o.ATM {
		const cell, payload = 53, 48
		return cell * math.Ceil(frame/payload)
	}
	return frame
}

// fullFrame is a whole Ethernet frame's size as the kernel sees it, in bytes.
const fullFrame = ethernetMTU + etherHeader

// adapt sets the reactions of uplinks, by name, and has the kernel follow: after a fight, and where something fails a second after the last
// look. So call it again and again.
func (r *Reconciler) adapt(ctx context.Context, reactions map[string]reaction) {
	r.mu.Lock()
	same := !r.behind && maps.EqualFunc(r.react, reactions, reaction.equals)
	r.mu.Unlock()
	if same {
		return
	}
	r.working.Lock()
	defer r.working.Unlock()
	behind := r.fights.wait(time.Now()) > 0 || r.failed && time.Since(r.looked) < firstRetry
	r.reactLocked(reactions, behind)
	switch {
	case behind:
	case r.failed: // Run tries that again, ever less often
		if _, err := r.reconcileLocked(context.WithoutCancel(ctx), onReaction); err == nil && r.untold {
			r.heard.retry()
		}
	default:
		_, _ = r.demandLocked(ctx, onReaction) // the reconciler tells what fails
	}
}

// asConfigured ends all reactions, whatever fails and whoever fights: it is for who will not look again.
func (r *Reconciler) asConfigured(ctx context.Context) {
	r.working.Lock()
	defer r.working.Unlock()
	if len(r.react) > 0 || r.behind || r.failed {
		r.reactLocked(nil, false)
		_, _ = r.demandLocked(context.WithoutCancel(ctx), onReaction)
	}
}

func (r *Reconciler) reactLocked(reactions map[string]reaction, behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.react, r.behind = reactions, behind
}

// reacted is cfg with the reactions of its uplinks.
func (r *Reconciler) reacted(cfg Config) Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	cfg.Uplinks = slices.Clone(cfg.Uplinks)
	for i, u := range cfg.Uplinks {
		cfg.Uplinks[i].reaction = r.react[u.Name]
	}
	return cfg
}
