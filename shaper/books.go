package shaper

import (
	"context"
	"time"
)

// keepBooks takes the snapshots of the last minute, gives the indexes of devices that left to new ones, and has pins try again that could
// not follow the box's addresses.
func (s *Shaper) keepBooks(ctx context.Context) error {
	shots, recycles := time.NewTicker(snapshotEvery), time.NewTicker(recycleEvery)
	defer shots.Stop()
	defer recycles.Stop()
	s.bookTurns(ctx, shots.C, recycles.C)
	return nil
}

// bookTurns takes a snapshot at the start and with each of shots alone: the clocks of shots and recycles strike together, and of two
// snapshots in a row history would keep what speeds are measured against in the wrong one.
func (s *Shaper) bookTurns(ctx context.Context, shots, recycles <-chan time.Time) {
	s.takeSnapshot()
	for {
		select {
		case <-ctx.Done():
			return
		case <-shots:
			s.takeSnapshot()
			if s.pins.catchUp() {
				s.log.Info("pins_caught_up_with_addresses")
			}
			if err := s.lookForSilence(); err != nil {
				s.log.Error("silence_unknown", "error", err)
			}
		case <-recycles:
			if err := s.recycleDevices(); err != nil {
				s.log.Error("recycle_failed", "error", err)
			}
		}
	}
}

// takeSnapshot first takes over what was counted in former maps lately, which is part of it.
func (s *Shaper) takeSnapshot() {
	if err := s.set.CarryOver(); err != nil {
		s.log.Error("counters_not_taken_over", "error", err)
	}
	if err := s.snapshot(); err != nil {
		s.log.Error("snapshot_failed", "error", err)
	}
}

func (s *Shaper) recycleDevices() error {
	now, err := coarseNow()
	if err != nil {
		return err
	}
	venues, err := s.venues()
	if err != nil {
		return err
	}
	_, err = s.devices.recycle(now, venues)
	return err
}
