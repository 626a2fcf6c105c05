package scenario

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

// trusting is ours where devices' marks are believed.
var trusting = Treatment{"ours, DSCP trusted", bySliced(demo.Settings{
	Venue:  "trust_dscp = true\n",
	Tables: "[[rule]]\nslice = \"realtime\"\ndscp = [\"ef\"]\n",
})}

// abuses are what one device does to gain on a link of so many Mbit/s, at twice its rate where it heeds nothing.
var abuses = []struct {
	name  string
	begin func(s *stage, abuser *demo.Host, mbit int) meter
}{
	{"uploads marked EF", func(s *stage, abuser *demo.Host, _ int) meter {
		var flows []*demo.Transfer
		for range 4 {
			flows = append(flows, s.upload(abuser, expedited))
		}
		return sum(flows...)
	}},
	{"UDP of 400 bytes", flooding(demo.LooksPlain, 400, 0)},
	{"UDP of 400 bytes marked EF", flooding(demo.LooksPlain, 400, expedited)},
	{"fake RTP", flooding(demo.LooksRTP, 1200, 0)},
	{"fake STUN", flooding(demo.LooksSTUN, 400, 0)},
}

func flooding(look demo.Look, size, dscp int) func(*stage, *demo.Host, int) meter {
	return func(s *stage, abuser *demo.Host, mbit int) meter {
		return s.flood(demo.Flood{Host: abuser, Look: look, Number: 1, Rate: 2 * mbit * 1e6, Size: size, DSCP: dscp})
	}
}

const (
	abuseFor    = 10100 * time.Millisecond // abuseProbes and some, before and during
	abuseProbes = 2000
	onsetProbes = 900 // of fillFor, after the abuse began
)

// TestAbuse asks what one device gains that pretends to matter, or sends without regard, and what that costs honest calls. Three
// honest devices upload all the while.
func TestAbuse(t *testing.T) {
	seed := begin(t)
	for _, abuse := range abuses {
		for _, mbit := range []int{5, 20} {
			for _, treatment := range slices.Concat(Treatments, []Treatment{trusting}) {
				play(t, "abuse", fmt.Sprintf("%s, %d Mbit/s", abuse.name, mbit), treatment, mbit, seed, func(s *stage, r reporter) error {
					return suffer(s, r, func(abuser *demo.Host) meter { return abuse.begin(s, abuser, mbit) })
				})
			}
		}
	}
}

func suffer(s *stage, r reporter, begin func(abuser *demo.Host) meter) error {
	caller, honest, abuser := s.venue.Attendees[0], s.venue.Attendees[1:4], s.venue.Attendees[4]
	call := s.venue.NewCallProbe(caller, probeEvery, expedited)
	signalling := s.venue.NewSTUNProbe(caller, probeEvery, expedited)
	s.start(probeEvery, call.Run)
	s.start(probeEvery, signalling.Run)
	var meters []meter
	for _, device := range honest {
		meters = append(meters, sum(s.upload(device, 0)))
	}
	pause(s.ctx, fillFor)
	before, err := s.watch(abuseFor)
	if err != nil {
		return err
	}
	meters = append(meters, begin(abuser))
	onset, err := s.watch(fillFor)
	if err != nil {
		return err
	}
	during, err := s.watch(abuseFor, meters...)
	if err != nil {
		return err
	}
	r.grown("call", call, before, during, abuseProbes)
	r.grown("call, as it begins", call, before, onset, onsetProbes)
	r.grown("signalling", signalling, before, during, abuseProbes)
	r.grown("signalling, as it begins", signalling, before, onset, onsetProbes)
	fair := total(during.rates[:len(honest)]) / float64(len(honest))
	r.figure("honest device", "Mbit/s", fair/1e6)
	r.figure("abuser", "Mbit/s", during.rates[len(honest)]/1e6)
	r.figure("abuser's share", "× honest", times(during.rates[len(honest)], fair))
	return nil
}

// grown prints by how much a probe's delays grew from one span to another, in which so many were promised.
func (r reporter) grown(name string, p *demo.Probe, from, to watch, promised int) {
	before, after := p.Trips.Between(from.from, from.until), p.Trips.Between(to.from, to.until)
	if !r.answered(name, "before the abuse", before) || !r.answered(name, "during the abuse", after) {
		return
	}
	r.kept(name, before, abuseProbes)
	r.kept(name, after, promised)
	r.figure(name+" p99", "ms", float64(after.P99)/1e6)
	r.figure(name+" p99 grows", "ms", float64(after.P99-before.P99)/1e6)
	r.figure(name+" lost", "%", 100*float64(after.Lost)/float64(after.Sent))
}
