package running

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells how long the box has been up, and in which boot.
type Clock struct {
	Boot string                        // the boot's id
	Now  func() (time.Duration, error) // since the boot, suspended time included
}

// KernelClock is CLOCK_BOOTTIME.
func KernelClock() (Clock, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Clock{}, fmt.Errorf("read boot id: %w", err)
	}
	return Clock{Boot: strings.TrimSpace(string(id)), Now: func() (time.Duration, error) {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			return 0, fmt.Errorf("read clock: %w", err)
		}
		return time.Duration(ts.Nano()), nil
	}}, nil
}

// deadline is a moment of one boot; another boot is after it.
type deadline struct {
	Boot  string        `json:"boot"`
	Until time.Duration `json:"until_ns"` // since the boot; 0 for its end
}

// in gives the moment after d from now; 0 is the boot's end.
func (c Clock) in(d time.Duration) (deadline, error) {
	if d == 0 {
		return deadline{Boot: c.Boot}, nil
	}
	now, err := c.Now()
	return deadline{Boot: c.Boot, Until: now + d}, err
}

// left is the time until d, and whether d is yet to come. A clock that can't be read leaves everything yet to come.
func (c Clock) left(d deadline) (time.Duration, bool) {
	if d.Boot != c.Boot {
		return 0, false
	}
	now, err := c.Now()
	if d.Until == 0 || err != nil {
		return 0, true
	}
	return max(d.Until-now, 0), now < d.Until
}
