package api

import (
	"context"
	"errors"
)

// ErrInvalid marks what the caller got wrong: an unknown name, a value that the configuration would not take. An Agent wraps
// it; over the socket it becomes status 422, and the client's error matches it again.
var ErrInvalid = errors.New("invalid request")

// Agent is what the control API asks. Its methods are called concurrently.
type Agent interface {
	Desired
	Status(ctx context.Context) (Status, error)
	// Devices gives at most so many devices, the heaviest of the last seconds first.
	Devices(ctx context.Context, most int) (Devices, error)
	Explain(ctx context.Context, q Question) (Explanation, error)
	SetSlice(ctx context.Context, c SliceChange) error
	// ResetSlice takes back what SetSlice did. An empty name means every slice, an empty uplink all uplinks.
	ResetSlice(ctx context.Context, name, uplink string) error
	Teardown(ctx context.Context) (TeardownReport, error)
	// Ready is closed when the first apply is done.
	Ready() <-chan struct{}
}

// Meter gives the numbers of one Prometheus scrape: one read of the maps, one tc dump.
type Meter interface {
	Measure(ctx context.Context) (Measurements, error)
}

// SliceChange is a live change of a slice's bounds. Empty fields stay as they are; an empty Uplink means all uplinks.
type SliceChange struct {
	Name   string `json:"name"`
	Uplink string `json:"uplink,omitempty"`
	Min    string `json:"min,omitempty"` // as the configuration writes it: 40%, 8mbit
	Max    string `json:"max,omitempty"`
}

// SliceReset takes changes back; empty fields mean all.
type SliceReset struct {
	Name   string `json:"name,omitempty"`
	Uplink string `json:"uplink,omitempty"`
}

// Measurements are what Prometheus is told.
type Measurements struct {
	Counts     []Count
	Drops      []Drops
	Delays     []DelayHistogram
	Rates      []LinkRate        // one a direction that is shaped
	Classified map[string]uint64 // flows or packets judged, by the reason of the verdict
	Reconciles map[string]uint64 // by result
	Stage      uint8
}

// Count is the traffic that one experience offered to a slice. An empty Experience is nobody's.
type Count struct {
	Uplink, Direction, Slice, Experience string
	Bytes, Packets                       uint64
}

// Drops is what a slice's leaf dropped.
type Drops struct {
	Uplink, Direction, Slice string
	Packets                  uint64
}

// DelayHistogram is the delay of a slice from enqueue to transmission since the maps were made.
type DelayHistogram struct {
	Uplink, Direction, Slice string
	Buckets                  []DelayBucket // any resolution, not cumulative, in any order; empty ones may be left out
	SumSeconds               float64
}

// DelayBucket counts delays up to a bound.
type DelayBucket struct {
	UpToSeconds float64 // may be +Inf
	Count       uint64
}

// LinkRate is the rate that a direction of an uplink is shaped to.
type LinkRate struct {
	Uplink, Direction string
	BitsPerSecond     uint64
}
