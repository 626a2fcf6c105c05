package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// Span is what was measured in a time.
type Span struct {
	Call, Signalling demo.Figures // round trips
	Up, Down         float64      // goodput of bulk, bit/s
}

// Measure probes the idle path, and then the path under load.
func (s *Site) Measure(ctx context.Context, load []Load) (idle, loaded Span, err error) {
	caller := s.venue.Attendees[0]
	call := s.venue.NewCallProbe(caller, probeEvery, expedited)
	signalling := s.venue.NewSTUNProbe(caller, probeEvery, expedited)
	err = s.act(ctx, func(s *stage) (err error) {
		s.start(0, call.Run)
		s.start(0, signalling.Run)
		look := func(d time.Duration, up, down meter) (Span, error) {
			w, err := s.watch(d, up, down)
			if err != nil {
				return Span{}, err
			}
			return Span{
				Call: call.Trips.Between(w.from, w.until), Signalling: signalling.Trips.Between(w.from, w.until),
				Up: w.rates[0], Down: w.rates[1],
			}, nil
		}
		pause(s.ctx, settle)
		if idle, err = look(idleFor, sum(), sum()); err != nil {
			return err
		}
		up, down := s.fill(load)
		loaded, err = look(loadFor, up, down)
		return err
	})
	if err != nil {
		return idle, loaded, err
	}
	for _, l := range load {
		if moved := map[demo.Direction]float64{demo.Up: loaded.Up, demo.Down: loaded.Down}; moved[l.Direction] == 0 {
			return idle, loaded, fmt.Errorf("measure under load: no bulk arrived that goes %s", l.Direction)
		}
	}
	return idle, loaded, nil
}
