package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// hostChecks ask for what has nothing to do with networks.
var hostChecks = []check{
	{name: "rights", well: "the doctor may look at everything", looks: lookRights},
	{name: "kernel", well: "the kernel is new enough", looks: lookKernel},
	{name: "clock", well: "the clock is not in the past", looks: lookClock},
	{name: "state-directory", well: "the state directory can be written", root: true,
		asks: func(c Config) bool { return c.StateDir != "" }, looks: lookStateDir},
}

// The oldest kernel that the data plane was tried on.
const oldestMajor, oldestMinor = 6, 1

func lookKernel(b *box) ([]finding, error) {
	var major, minor int
	if _, err := fmt.Sscanf(b.release, "%d.%d", &major, &minor); err != nil {
		return nil, fmt.Errorf("read kernel release %q: %w", b.release, err)
	}
	if major > oldestMajor || major == oldestMajor && minor >= oldestMinor {
		return nil, nil
	}
	return found("install a kernel of 6.1 or later, such as Debian 12's",
		"kernel %s is older than %d.%d: packets may get lost or be shaped wrongly", b.release, oldestMajor, oldestMinor), nil
}

// oldestNow is before every day on which this program can run.
var oldestNow = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// lookClock finds the box without a battery that woke up in 1970.
func lookClock(b *box) ([]finding, error) {
	now := b.now()
	if !now.Before(oldestNow) {
		return nil, nil
	}
	return found("connect the box to an NTP server (timedatectl set-ntp true), or set the clock: date -s '2026-06-30 18:00'",
		"the clock says %s: certificates are refused, and logs can't be matched with anybody else's", now.UTC().Format(time.DateTime)), nil
}

// lookStateDir writes a file where the agent would, and removes it. A directory that the agent has yet to make is tried by the
// nearest one that is there.
func lookStateDir(b *box) ([]finding, error) {
	dir := b.cfg.StateDir
	for {
		_, err := os.Stat(dir)
		if !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	err := tryWrite(dir)
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return found("make room on that disk: df -h "+dir, "no room in %s: live changes are not kept over a restart", dir), nil
	}
	return found("mount it read-write, or choose another directory with --state-dir",
		"%v: the agent does not start without a place to write", err), nil
}

// tryWrite writes as much as the agent's files take.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}
