package shaper

import (
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Measurement is all numbers of the data plane, from one read of the maps and one dump of the qdiscs.
type Measurement struct {
	Slices     []SliceMeasurement // configured ones, by uplink, direction, slice
	Links      []LinkMeasurement
	Classified [bpf.RankCount]uint64
}

// SliceMeasurement is a slice in one direction of one uplink, since the maps were made.
type SliceMeasurement struct {
	Key
	Min, Max slice.Rate // as configured; 0 where the direction is not shaped
	Total    Count
	ByPayer  map[uint8]Count // by experience; 0 is nobody
	Drops    uint64
	Backlog  uint64     // bytes in its queue
	Delays   *Histogram // nil where delays are unavailable
	Recent   *Delay     // of the last minute; nil without a sample
	Devices  int        // seen in 10 s
}

// LinkMeasurement is one direction of one uplink.
type LinkMeasurement struct {
	Uplink    uint8
	Direction slice.Direction
	Rate      slice.Rate // as configured; 0: not shaped
	Narrowed  slice.Rate // by how much the tree is narrower now, for what comes down and is dropped
	Used      slice.Rate // over the last seconds
}

// Measure reads everything. Devices are counted only if asked for: that is the largest map.
func (s *Shaper) Measure(withDevices bool) (Measurement, error) {
	cfg := s.rec.reacted(s.config())
	now := time.Now()
	var m Measurement
	offered, err := s.counters.offered(s.highestExperience())
	if err != nil {
		return m, err
	}
	leaves, _, err := s.leaves()
	if err != nil {
		return m, err
	}
	var seen map[Key]int
	if withDevices {
		if seen, err = s.counters.devices(); err != nil {
			return m, err
		}
	}
	minute, _ := s.history.oldest()
	for _, u := range cfg.Uplinks {
		for _, dir := range slice.Directions {
			rate := u.rate(dir)
			for _, sl := range cfg.Slices {
				k := Key{u.Index, dir, sl.ID}
				sm, err := s.measureSlice(k, offered, leaves, minute)
				if err != nil {
					return m, err
				}
				sm.Devices = seen[k]
				if rate > 0 {
					sm.Min, sm.Max = tree{uplink: u, dir: dir}.bounds(sl)
				}
				m.Slices = append(m.Slices, sm)
			}
			m.Links = append(m.Links, LinkMeasurement{
				Uplink: u.Index, Direction: dir, Rate: rate, Narrowed: tree{cfg: cfg, uplink: u, dir: dir}.narrowed(), Used: s.used(now, u.Index, dir, m.Slices),
			})
		}
	}
	return m, s.sums(&m)
}

func (s *Shaper) sums(m *Measurement) error {
	classified, err := s.counters.sum("classified", len(m.Classified))
	if err != nil {
		return err
	}
	copy(m.Classified[:], classified)
	return nil
}

func (s *Shaper) measureSlice(k Key, offered [][]Count, leaves map[Key]leafStats, minute snapshot) (SliceMeasurement, error) {
	leaf, there := leaves[k]
	sm := SliceMeasurement{Key: k, Backlog: leaf.backlog, Drops: leaf.drops, ByPayer: make(map[uint8]Count)}
	for e, counts := range offered {
		if c := counts[k.index()]; c != (Count{}) {
			sm.ByPayer[uint8(e)] = c
			sm.Total.add(c)
		}
	}
	var err error
	if !there {
		if sm.Drops, err = s.counters.dropped(k); err != nil {
			return sm, err
		}
	}
	if sm.Delays, err = s.delays.read(k); err != nil || sm.Delays == nil {
		return sm, err
	}
	before := minute.delays[k]
	if before == nil { // a number that was nobody's a minute ago may have been somebody's long before
		return sm, nil
	}
	lately := sm.Delays.since(before)
	if d, ok := lately.Delay(); ok {
		sm.Recent = &d
	}
	return sm, nil
}

// used gives a direction's speed since the last snapshot.
func (s *Shaper) used(now time.Time, uplink uint8, dir slice.Direction, slices []SliceMeasurement) slice.Rate {
	before, ok := s.history.before(now)
	if !ok {
		return 0
	}
	var bytes uint64
	for _, sm := range slices {
		if then, ok := before.bytes[sm.Key]; ok && sm.Uplink == uplink && sm.Direction == dir {
			bytes += sm.Total.Bytes - min(then, sm.Total.Bytes)
		}
	}
	return slice.Rate(float64(bytes*8) / now.Sub(before.at).Seconds())
}

// snapshot keeps what the next minute is measured against.
func (s *Shaper) snapshot() error {
	m, err := s.Measure(false)
	if err != nil {
		return err
	}
	moved, err := s.devices.moved()
	if err != nil {
		return err
	}
	shot := snapshot{at: time.Now(), bytes: make(map[Key]uint64), delays: make(map[Key]*Histogram), devices: moved}
	for _, sm := range m.Slices {
		shot.bytes[sm.Key] = sm.Total.Bytes
		if sm.Delays != nil {
			shot.delays[sm.Key] = sm.Delays
		}
	}
	s.history.add(shot)
	return nil
}
