package doctor

import (
	"fmt"
	"runtime"
)

// Config is what there is to look at.
type Config struct {
	Venues   []string // interfaces towards the attendees
	Uplinks  []Uplink // none: what is about interfaces is left out
	MarkMask uint32   // the bits of the packet mark that hold who pays; 0: packet marks are left out
	StateDir string   // where the agent keeps what survives a restart

	// What the data plane knows about itself.
	Root       uint32                 // handle of its root qdiscs
	OurFilter  func(name string) bool // whether a filter with this name is one of its own
	Load       func() error           // loads its programs, and drops them
	MeasureNow func() error           // starts measuring delays, and stops
}

// Uplink is one way to the Internet.
type Uplink struct {
	Name, Interface string
	Adopt           bool // a foreign root qdisc is replaced
	FQCoDel, Cake   bool // the queue that slices are to have, where the kernel has it
	Overhead        int  // bytes that the link adds to a frame; 0 for none
	Preset          bool // Overhead is a preset, which counts from an Ethernet header on
}

// Check is the answer to one question. A check that found several faults is there several times.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	What string `json:"what"` // what is well; or what is wrong, and what is lost because of it
	Do   string `json:"do"`   // "" if ok
}

// finding is a fault.
type finding struct{ what, do string }

// found makes the findings of a check that has at most one.
func found(do, what string, args ...any) []finding {
	return []finding{{what: fmt.Sprintf(what, args...), do: do}}
}

// check is one question.
type check struct {
	name  string
	well  string            // what is said where nothing was found
	asks  func(Config) bool // whether it matters to this box; nil: to all
	root  bool              // asks what only root may ask
	looks func(*box) ([]finding, error)
}

// checks are in the order in which a person would ask: first what all else needs.
func checks() []check {
	var all []check
	for _, topic := range [][]check{hostChecks, features, interfaceChecks, sizeChecks, offloadChecks, forwardingChecks, markChecks} {
		all = append(all, topic...)
	}
	return all
}

// Examine asks everything that matters to a box of this configuration.
func Examine(cfg Config) ([]Check, error) {
	// Sockets and /proc/sys are those of the thread's network namespace.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, err := open(cfg)
	if err != nil {
		return nil, err
	}
	defer b.close()
	return b.examine(checks()), nil
}

func (b *box) examine(checks []check) []Check {
	var asked []check
	for _, c := range checks {
		switch {
		case c.asks != nil && !c.asks(b.cfg):
		case c.root && len(b.lacks) > 0:
			b.unasked = append(b.unasked, c.name)
		default:
			asked = append(asked, c)
		}
	}
	var answers []Check
	for _, c := range asked {
		answers = append(answers, c.answer(b)...)
	}
	return answers
}

func (c check) answer(b *box) []Check {
	faults, err := c.looks(b)
	if err != nil {
		faults = append(faults, finding{
			what: fmt.Sprintf("could not look: %v", err),
			do:   "see whether another program changes the network just now, and try again",
		})
	}
	if len(faults) == 0 {
		return []Check{{Name: c.name, OK: true, What: c.well}}
	}
	answers := make([]Check, 0, len(faults))
	for _, f := range faults {
		answers = append(answers, Check{Name: c.name, What: f.what, Do: f.do})
	}
	return answers
}
