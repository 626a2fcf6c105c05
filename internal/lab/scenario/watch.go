package scenario

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// meter tells how many bytes something has moved so far.
type meter func() (uint64, error)

// sum is the meter of several flows together.
func sum(flows ...*demo.Transfer) meter {
	return func() (total uint64, err error) {
		for _, f := range flows {
			moved, err := f.Moved()
			if err != nil {
				return 0, err
			}
			total += moved
		}
		return total, nil
	}
}

// watch is a span of load: what was moved by each meter, in bit/s, and how long the box, and all that shares its processor, worked.
type watch struct {
	from, until time.Time
	rates       []float64
	busy        time.Duration
}

// watch lets a time go by, and then waits for what is under way.
func (s *stage) watch(d time.Duration, meters ...meter) (w watch, err error) {
	before, err := read(meters)
	if err != nil {
		return w, err
	}
	idle, err := idleTime()
	if err != nil {
		return w, err
	}
	w.from = time.Now()
	pause(s.ctx, d)
	w.until = time.Now()
	idleAfter, err := idleTime()
	if err != nil {
		return w, err
	}
	after, err := read(meters)
	for i := range after {
		w.rates = append(w.rates, float64(after[i]-before[i])*8/w.until.Sub(w.from).Seconds())
	}
	w.busy = w.until.Sub(w.from) - (idleAfter - idle)
	pause(s.ctx, settle)
	return w, errors.Join(err, s.ctx.Err())
}

func read(meters []meter) (all []uint64, err error) {
	for _, m := range meters {
		n, err := m()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// idleTime is how long the processors have idled since they were started.
func idleTime() (time.Duration, error) {
	const hertz, idle = 100, 4 // USER_HZ; the field of the first line of proc(5)'s stat
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) <= idle {
		return 0, fmt.Errorf("read /proc/stat: no idle time in %.80q", text)
	}
	ticks, err := strconv.ParseInt(fields[idle], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read /proc/stat: %w", err)
	}
	return time.Duration(ticks) * time.Second / hertz, nil
}
