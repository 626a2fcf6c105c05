package shaper

import (
	"sync"
	"time"
)

// Snapshots are taken every snapshotEvery. The oldest of those that are kept is from 60 s to 65 s old: what came in the last 60 s came
// after it.
const (
	snapshotEvery = 5 * time.Second
	snapshotsKept = 13
)

// snapshot is what was counted until then.
type snapshot struct {
	at      time.Time
	bytes   map[Key]uint64
	delays  map[Key]*Histogram
	devices [][2]uint64 // bytes by index and direction; in the latest two alone, which before chooses from
}

// history is the last minute's snapshots, oldest first.
type history struct {
	mu    sync.Mutex // guards shots
	shots []snapshot
}

func (h *history) add(s snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shots = append(h.shots, s)
	if len(h.shots) > snapshotsKept {
		h.shots = h.shots[1:]
	}
	if old := len(h.shots) - 3; old >= 0 {
		h.shots[old].devices = nil
	}
}

// oldest gives the snapshot that the last minute is counted from.
func (h *history) oldest() (snapshot, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.shots) == 0 {
		return snapshot{}, false
	}
	return h.shots[0], true
}

// before gives the latest snapshot that is at least a second older than now: a rate over less is noise.
func (h *history) before(now time.Time) (snapshot, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.shots) - 1; i >= 0; i-- {
		if now.Sub(h.shots[i].at) >= time.Second {
			return h.shots[i], true
		}
	}
	return snapshot{}, false
}
