package shaper

import (
	"errors"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// strangers names the filters of others at our hooks. Those that run before ours may keep packets from it; those behind it may
// overwrite what it wrote.
func strangers(hooked map[string]int, observed State) []Problem {
	var list []Problem
	for _, s := range observed.Strangers {
		if hooked[s.Dev] != 0 {
			list = append(list, problemOf(s))
		}
	}
	return list
}

func problemOf(s tcnl.Stranger) Problem {
	what, do := s.Report(slotPref)
	return Problem{What: what, Do: do}
}

// tcxProblems names the programs of others that run before all filters.
func tcxProblems(netnsFd int, hooked map[string]int) []Problem {
	if len(hooked) == 0 {
		return nil
	}
	var list []Problem
	err := inNamespace(netnsFd, func() error {
		for _, dev := range slices.Sorted(maps.Keys(hooked)) {
			there, err := tcnl.TCXStrangers(dev, hooked[dev])
			if err != nil {
				continue // the interface is gone, and all on it
			}
			for _, s := range there {
				list = append(list, problemOf(s))
			}
		}
		return nil
	})
	if err != nil {
		return nil // the namespace is gone, and all in it
	}
	return list
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
