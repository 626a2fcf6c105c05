package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// MeasureDelay starts the program that fills the delay histograms of the devices in the shapers map. It runs until the link is
// closed, or this process ends. Without kernel BTF it is an error, and delays are unavailable.
func (s *Set) MeasureDelay() (link.Link, error) {
	spec, err := loadDelay()
	if err != nil {
		return nil, fmt.Errorf("read delay object: %w", err)
	}
	shared := make(map[string]*ebpf.Map)
	for name, m := range s.Maps {
		if spec.Maps[name] != nil {
			shared[name] = m
		}
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared})
	if err != nil {
		return nil, fmt.Errorf("load delay program: %w", err)
	}
	defer c.Close()
	l, err := link.AttachTracing(link.TracingOptions{Program: c.Programs["delay"]})
	if err != nil {
		return nil, fmt.Errorf("attach delay program: %w", err)
	}
	return l, nil
}

// BucketBounds gives the delays that bucket i of a DelayHistogram holds: from low up to, not including, high.
func BucketBounds(i int) (low, high time.Duration) {
	if i < 16 {
		return time.Duration(i) * time.Microsecond, time.Duration(i+1) * time.Microsecond
	}
	width := time.Microsecond << (i/16 - 1)
	low = time.Duration(16+i%16) * width
	return low, low + width
}
