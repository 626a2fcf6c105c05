package tcnl

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Stranger is a program or another filter of somebody else's, at a hook where ours are.
type Stranger struct {
	Dev  string
	Hook Handle // HookIngress or HookEgress
	Pref uint16 // of a filter; 0 for a tcx program: those run before all filters
	Kind string // of a filter
	Name string // of a program
}

// Strangers are the filters among those of one hook that are not ours, each once.
func Strangers(dev string, filters []Filter, ours func(Filter) bool) []Stranger {
	var list []Stranger
	for _, f := range filters {
		s := Stranger{Dev: dev, Hook: f.Parent, Pref: f.Pref, Kind: f.Kind, Name: f.BPF.Name}
		if f.Runs() && !ours(f) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// TCXStrangers are the programs at the tcx hooks of an interface, in the network namespace of the caller's thread. Kernels before
// 6.6 have no tcx, and so nobody there.
func TCXStrangers(dev string, ifindex int) ([]Stranger, error) {
	var list []Stranger
	for _, at := range []struct {
		hook   Handle
		attach ebpf.AttachType
	}{{HookIngress, ebpf.AttachTCXIngress}, {HookEgress, ebpf.AttachTCXEgress}} {
		attached, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: at.attach})
		if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.EINVAL) {
			return nil, nil
		}
		if err != nil {
			return list, fmt.Errorf("list tcx programs of %s: %w", dev, err)
		}
		for _, p := range attached.Programs {
			list = append(list, Stranger{Dev: dev, Hook: at.hook, Name: programName(p.ID)})
		}
	}
	return list, nil
}

// programName is the kernel's name of a program, or which it is.
func programName(id ebpf.ProgramID) string {
	if p, err := ebpf.NewProgramFromID(id); err == nil {
		defer p.Close()
		if info, err := p.Info(); err == nil && info.Name != "" {
			return info.Name
		}
	}
	return fmt.Sprintf("of id %d", id)
}

// Report says who s is and what harm it may do to a filter of preference ours, and what to do about it.
func (s Stranger) Report(ours uint16) (what, do string) {
	if s.Kind == "" {
		return fmt.Sprintf("%s: foreign tcx program %s at %s runs before ours, and may keep packets from it", s.Dev, s.Name, s.Hook),
			`have it answer "next", or stop the program that attached it (bpftool net says which it is)`
	}
	kind := s.Kind + " filter"
	if s.Name != "" {
		kind += " " + s.Name
	}
	what = fmt.Sprintf("%s: foreign %s at preference %d of %s", s.Dev, kind, s.Pref, s.Hook)
	remove := fmt.Sprintf("tc filter del dev %s %s pref %d", s.Dev, s.Hook, s.Pref)
	if s.Pref <= ours {
		return what + " runs before ours, and may keep packets from it",
			fmt.Sprintf("have its owner give it a preference above %d, or: %s", ours, remove)
	}
	return what + " runs after ours, and may overwrite the slice of a packet (tc_index)",
		`have it answer "unspec" or "continue", which does no harm, or: ` + remove
}
