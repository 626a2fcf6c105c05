package shaper

import (
	"fmt"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/bpf"
)

// enoughPackets is how many an interface must have moved between two looks before a program that saw none is worth a word.
const enoughPackets = 50

// hook is a place of one of our programs.
type hook struct {
	dev    string
	index  int // in the hooks map
	egress bool
}

func (h hook) String() string {
	if h.egress {
		return h.dev + " egress"
	}
	return h.dev + " ingress"
}

// hooksOf lists where programs are, by the numbers that Desired gives to their variants. A paused box has none.
func hooksOf(cfg Config, states []UplinkState, left func(dev string) bool) []hook {
	var hooks []hook
	shaped := make(map[string]bool)
	for _, st := range states {
		if st.State == StatePaused {
			return nil
		}
		shaped[st.Name] = st.State == StateShaped
	}
	for j, dev := range cfg.Venue.Interfaces {
		if left(dev) {
			continue
		}
		hooks = append(hooks, hook{dev, 2 * j, false}, hook{dev, 2*j + 1, true})
	}
	for _, u := range cfg.Uplinks {
		if !shaped[u.Name] {
			continue
		}
		first := uplinkHooks + 4*int(u.Index)
		hooks = append(hooks, hook{u.Interface, first, true}, hook{u.Interface, first + 1, false})
	}
	return hooks
}

// silence finds programs that do not run although packets pass: another program stands before them.
type silence struct {
	mu     sync.Mutex // guards what follows
	seen   map[hook]sighting
	faults []uint64
	full   uint64 // pins that were refused
	found  []Problem
}

// sighting is what a hook had counted when its interface was looked at. Packets pass between the looks, so there are two of the program's.
type sighting struct {
	interfaces    uint64 // packets that the interface carried
	before, after uint64 // packets that the program saw, before that look and after it
}

// faultProblems are what goes wrong on the packet path and somebody can mend; What takes the number of packets since the last look.
var faultProblems = map[bpf.Fault]Problem{
	bpf.FaultOverwritten: {
		What: "%d packets from the venue lost their tc_index on their way through the box: they were classified again, without their device",
		Do:   "a filter after ours at a venue interface returns TC_ACT_OK, which overwrites it: let it return TC_ACT_UNSPEC (continue)",
	},
	bpf.FaultNoDevice: {
		What: "%d packets came from devices beyond the 4095 that can be told apart: those share one place in each slice",
		Do:   "more venues on one box are more than it is made for; a device that forges addresses may be the cause",
	},
}

// lookForSilence compares the programs' counts with the interfaces' since the last look.
func (s *Shaper) lookForSilence() error {
	before, err := s.counters.sum("hooks", bpf.MaxHooks)
	if err != nil {
		return err
	}
	seen := make(map[hook]sighting)
	for _, h := range hooksOf(s.config(), s.rec.State(), s.rec.Left) {
		link, err := s.links.LinkByName(h.dev)
		if err != nil {
			continue // waiting for it; the reconciler says so
		}
		seen[h] = sighting{interfaces: moved(link, h.egress), before: before[h.index]}
	}
	after, err := s.counters.sum("hooks", bpf.MaxHooks)
	if err != nil {
		return err
	}
	for h, is := range seen {
		is.after = after[h.index]
		seen[h] = is
	}
	faults, err := s.counters.sum("faults", int(bpf.FaultCount))
	if err != nil {
		return err
	}
	s.silence.note(seen, faults, s.pins.full.Load())
	return nil
}

// moved is how many packets an interface carried one way.
func moved(link netlink.Link, egress bool) uint64 {
	stats := link.Attrs().Statistics
	switch {
	case stats == nil:
		return 0
	case egress:
		return stats.TxPackets
	}
	return stats.RxPackets
}

// note compares a look with the one before. A program was silent if it saw nothing in a time that begins before the interface's, and ends
// after it.
func (s *silence) note(seen map[hook]sighting, faults []uint64, full uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = nil
	for h, now := range seen {
		was, ok := s.seen[h]
		if ok && now.interfaces >= was.interfaces+enoughPackets && now.after == was.before {
			s.found = append(s.found, Problem{
				What: fmt.Sprintf("%s: none of the last %d packets reached our program: they are not classified", h, now.interfaces-was.interfaces),
				Do:   "another tc or tcx program runs before ours: remove it, or let it pass packets on (TC_ACT_UNSPEC, TCX_NEXT)",
			})
		}
	}
	for fault := range bpf.FaultCount {
		if p, ok := faultProblems[fault]; ok && s.faults != nil && faults[fault] > s.faults[fault] {
			s.found = append(s.found, Problem{What: fmt.Sprintf(p.What, faults[fault]-s.faults[fault]), Do: p.Do})
		}
	}
	if full > s.full {
		s.found = append(s.found, Problem{
			What: fmt.Sprintf("%d flows of our own services could not be pinned: the table of %d is full", full-s.full, bpf.MaxPins),
			Do:   "they are in the default slice; fewer calls at once bring them back",
		})
	}
	s.seen, s.faults, s.full = seen, faults, full
}

func (s *silence) problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

// Problems gives what keeps the data plane from working as configured.
func (s *Shaper) Problems() []Problem { return append(s.rec.Problems(), s.silence.problems()...) }
