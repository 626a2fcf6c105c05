package top

import (
	"math"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

// rowKey says which slice in which direction of which uplink.
type rowKey struct{ uplink, direction, slice string }

func keyOf(s client.SliceStatus) rowKey { return rowKey{s.Uplink, s.Direction, s.Name} }

// figures are what happened to each slice lately.
type figures map[rowKey]*series

// kept is how many rates a series keeps: more than a terminal is wide.
const kept = 512

// unknown stands for a rate of a time in which nobody answered.
var unknown = math.NaN()

// series is a slice's recent past.
type series struct {
	at           time.Time // of the counters below
	bytes, drops uint64
	rates        []float64 // bit/s, oldest first; unknown where the agent did not answer
	dropRate     float64   // packets per second
}

// take adds the counters of a status. Slices that are no longer there are forgotten.
func (f figures) take(at time.Time, slices []client.SliceStatus) {
	there := make(map[rowKey]bool)
	for _, s := range slices {
		there[keyOf(s)] = true
		if f[keyOf(s)] == nil {
			f[keyOf(s)] = &series{at: at, bytes: s.Bytes, drops: s.Drops, dropRate: unknown}
			continue
		}
		f[keyOf(s)].take(at, s)
	}
	for k := range f {
		if !there[k] {
			delete(f, k)
		}
	}
}

func (s *series) take(at time.Time, now client.SliceStatus) {
	span := at.Sub(s.at)
	if span < every/2 { // a status out of turn, after a change: a rate over less is noise
		return
	}
	if now.Bytes < s.bytes || now.Drops < s.drops { // counters began anew
		s.add(unknown)
		s.dropRate = unknown
	} else {
		s.add(float64(now.Bytes-s.bytes) * 8 / span.Seconds())
		s.dropRate = float64(now.Drops-s.drops) / span.Seconds()
	}
	s.at, s.bytes, s.drops = at, now.Bytes, now.Drops
}

func (s *series) add(rate float64) {
	s.rates = append(s.rates, rate)
	if len(s.rates) > kept {
		s.rates = s.rates[len(s.rates)-kept:]
	}
}

// gap notes that the agent did not answer. The next answer's rate is the mean since the last.
func (f figures) gap() {
	for _, s := range f {
		s.add(unknown)
		s.dropRate = unknown
	}
}

// rate gives the latest rate in bit/s, or unknown.
func (f figures) rate(k rowKey) float64 {
	if s := f[k]; s != nil && len(s.rates) > 0 {
		return s.rates[len(s.rates)-1]
	}
	return unknown
}

// drops gives the latest drops per second, or unknown.
func (f figures) drops(k rowKey) float64 {
	if s := f[k]; s != nil {
		return s.dropRate
	}
	return unknown
}

// history gives the latest rates, at most so many.
func (f figures) history(k rowKey, most int) []float64 {
	s := f[k]
	if s == nil {
		return nil
	}
	return s.rates[max(0, len(s.rates)-most):]
}
