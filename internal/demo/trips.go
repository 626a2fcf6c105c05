package demo

import (
	"slices"
	"sync"
	"time"
)

// Direction is a way across the uplink, as the status of a slice has it.
type Direction string

// Directions.
const (
	Up   Direction = "up"   // venue to Internet
	Down Direction = "down" // Internet to venue
)

// Trips is the log of one kind of packet: when each was sent, and how long it was under way, there and back or one way.
type Trips struct {
	mu   sync.Mutex // guards sent and done
	sent []time.Time
	done []trip
}

type trip struct {
	sent time.Time
	took time.Duration
}

// Figures sum trips up. The durations are of those that were completed.
type Figures struct {
	Sent, Lost    int
	P50, P99, Max time.Duration
	// Percentiles are the first to the 99th, and the longest; none if nothing was completed.
	Percentiles []time.Duration
}

// Sent notes a departure.
func (t *Trips) Sent(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, at)
}

// Done notes the arrival of what was sent at a time.
func (t *Trips) Done(sent, arrived time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = append(t.done, trip{sent: sent, took: arrived.Sub(sent)})
}

// Between sums up what was sent from one time until another. What is under way still counts as lost.
func (t *Trips) Between(from, until time.Time) Figures {
	within := func(at time.Time) bool { return !at.Before(from) && at.Before(until) }
	var f Figures
	var took []time.Duration

	t.mu.Lock()
	for _, at := range t.sent {
		if within(at) {
			f.Sent++
		}
	}
	for _, trip := range t.done {
		if within(trip.sent) {
			took = append(took, trip.took)
		}
	}
	t.mu.Unlock()

	f.Lost = max(0, f.Sent-len(took))
	slices.Sort(took)
	f.P50, f.P99, f.Max = quantile(took, 0.50), quantile(took, 0.99), quantile(took, 1)
	for percent := 1; percent <= 100 && len(took) > 0; percent++ {
		f.Percentiles = append(f.Percentiles, quantile(took, float64(percent)/100))
	}
	return f
}

// quantile gives the smallest value that a share q of the sorted ones does not exceed; of none it is 0.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(float64(len(sorted))*q+0.999999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}
