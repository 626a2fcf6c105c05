package main

import (
	"errors"
	"log/slog"

	"github.com/slicegate/slicegate/bpf"
)

// loadPrograms has the kernel's verifier read the largest programs that could run, on maps of their own.
func loadPrograms() error {
	return withSet(func(set *bpf.Set) error {
		for _, v := range largestPrograms() {
			if _, err := set.ProgramFD(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// largestPrograms are each role's program with all that can be switched on, fairness at fq_codel's leaves among it, and the one that
// makes cake's leaves fair. The verifier skips what a constant switches off, so a kernel may take a program and refuse it with other
// constants. What stands for one of two ways, and not for more or less, comes both ways.
func largestPrograms() []bpf.Variant {
	list := []bpf.Variant{{Role: bpf.LeafHost}}
	for role := bpf.VenueIngress; role <= bpf.VenueEgress; role++ {
		for _, rawIP := range []bool{false, true} {
			for _, byAddress := range []bool{false, true} {
				list = append(list, bpf.Variant{
					Role: role, Uplink: uint8(bpf.MaxUplinks - 1), Hook: uint8(bpf.MaxHooks - 1), RawIP: rawIP, ByAddress: byAddress,
					WriteDSCP: true, Shaped: true, Fair: true, Split: someFrame, Clamp: someSegment, MarkMask: 0xff000000,
				})
			}
		}
	}
	return list
}

// someSegment is a largest MSS as a slow uplink may have it, and someFrame what its leaves split, bytes. Which ones is the same to the verifier.
const (
	someSegment = 500
	someFrame   = 1600
)

// measureDelay has the kernel take the programs that measure delays, and lets go of them.
func measureDelay() error {
	return withSet(func(set *bpf.Set) error {
		measuring, err := set.MeasureDelay()
		if err != nil {
			return err
		}
		return measuring.Close()
	})
}

func withSet(do func(*bpf.Set) error) error {
	set, err := bpf.Open(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	return errors.Join(do(set), set.Close())
}
