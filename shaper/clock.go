package shaper

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// coarseNow reads the clock that the programs note in their entries, in ns.
func coarseNow() (uint64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &ts); err != nil {
		return 0, fmt.Errorf("read clock: %w", err)
	}
	return uint64(ts.Nano()), nil
}

// coarseSeconds is coarseNow in units of 2^30 ns, cut to 16 bits, as mark_seen writes it.
func coarseSeconds() (uint16, error) {
	ns, err := coarseNow()
	return uint16(ns>>30) | 1, err
}
