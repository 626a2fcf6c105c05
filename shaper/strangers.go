package shaper

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// strangers names the filters of others at our hooks. Those that run before ours may keep packets from it; those behind it may
// overwrite what it wrote.
func strangers(hooked map[string]int, observed State) []Problem {
	var list []Problem
	for _, s := range observed.Strangers {
		if hooked[s.Dev] == 0 {
			continue
		}
		what := fmt.Sprintf("%s: foreign %s filter %s at preference %d of %s", s.Dev, s.Kind, s.Name, s.Pref, s.Hook)
		p := Problem{What: strings.Join(strings.Fields(what), " ")}
		if s.Pref <= slotPref {
			p.What += " runs before ours, and may keep packets from it"
			p.Do = "remove it, or give it a preference above 1"
		} else {
			p.What += " runs after ours, and may overwrite the slice of a packet (tc_index)"
			p.Do = "remove it if slices are wrong; one that answers \"unspec\" or \"continue\" does no harm"
		}
		list = append(list, p)
	}
	return list
}

// tcxProblems names the programs of others that run before all filters.
func tcxProblems(netnsFd int, hooked map[string]int) []Problem {
	if len(hooked) == 0 {
		return nil
	}
	var list []Problem
	err := inNamespace(netnsFd, func() error {
		for _, dev := range slices.Sorted(maps.Keys(hooked)) {
			for _, hook := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
				list = append(list, tcxAt(dev, hooked[dev], hook)...)
			}
		}
		return nil
	})
	if err != nil {
		return nil // the namespace is gone, and all in it
	}
	return list
}

// tcxAt asks one hook. Kernels before 6.6 have no tcx, and so no problem.
func tcxAt(dev string, ifindex int, hook ebpf.AttachType) []Problem {
	attached, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: hook})
	if err != nil {
		return nil
	}
	direction := "ingress"
	if hook == ebpf.AttachTCXEgress {
		direction = "egress"
	}
	var list []Problem
	for _, p := range attached.Programs {
		list = append(list, Problem{
			What: fmt.Sprintf("%s: foreign tcx program %s at %s runs before ours, and may keep packets from it",
				dev, programName(p.ID), direction),
			Do: "detach it (bpftool net), or have it answer \"next\"",
		})
	}
	return list
}

func programName(id ebpf.ProgramID) string {
	if p, err := ebpf.NewProgramFromID(id); err == nil {
		defer p.Close()
		if info, err := p.Info(); err == nil && info.Name != "" {
			return info.Name
		}
	}
	return fmt.Sprintf("of id %d", id)
}

// inNamespace runs fn on a thread in a network namespace; 0 is the current one. Some questions go to the caller's namespace alone.
func inNamespace(netnsFd int, fn func() error) error {
	if netnsFd == 0 {
		return fn()
	}
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked, so it ends with the goroutine and nobody else gets it.
		runtime.LockOSThread()
		if err := unix.Setns(netnsFd, unix.CLONE_NEWNET); err != nil {
			done <- errors.Join(errors.New("enter network namespace"), err)
			return
		}
		done <- fn()
	}()
	return <-done
}
