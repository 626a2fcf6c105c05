package demo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Probes meet every part of their interval alike, one in each interval.
func TestScattered(t *testing.T) {
	const interval, n, parts = 5 * time.Millisecond, 3000, 10
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var met [parts]int
		start, calls := time.Now(), 0
		err := scattered(ctx, interval, (&Venue{}).moments(), func() error {
			at := time.Since(start)
			if slot := int(at / interval); slot != calls {
				t.Errorf("call %d was in interval %d", calls, slot)
			}
			met[at%interval*parts/interval]++
			if calls++; calls == n {
				stop()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		for part, times := range met {
			if times < n/parts*4/5 || times > n/parts*6/5 {
				t.Errorf("part %d of the interval was met %d times, want about %d", part, times, n/parts)
			}
		}
	})
}

// A probe that was kept from sending for some intervals does not send their packets afterwards.
func TestScatteredAfterDelay(t *testing.T) {
	const interval, further = 5 * time.Millisecond, 10
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		var kept time.Time
		calls := 0
		err := scattered(t.Context(), interval, (&Venue{}).moments(), func() error {
			switch calls++; calls {
			case 1:
				time.Sleep(100 * interval)
				kept = time.Now()
			case 1 + further:
				if took := time.Since(kept); took < (further-1)*interval {
					t.Errorf("%d calls within %s", further, took)
				}
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Errorf("error %v, want the function's", err)
		}
	})
}

// Two probes of a venue have moments of their own, and those of another with the same seed are the same.
func TestMoments(t *testing.T) {
	here, there := &Venue{Seed: 7}, &Venue{Seed: 7}
	first, second := here.moments().Uint64(), here.moments().Uint64()
	if first == second {
		t.Errorf("two probes begin with %x", first)
	}
	if again := there.moments().Uint64(); again != first {
		t.Errorf("the first probe begins with %x, and with %x in another venue", first, again)
	}
	if other := (&Venue{Seed: 8}).moments().Uint64(); other == first {
		t.Errorf("with another seed it begins with %x too", other)
	}
}
