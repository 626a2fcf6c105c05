package shaper

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/slicegate/slicegate/bpf"
)

// Histogram counts delays by bucket, see bpf.BucketBounds.
type Histogram struct {
	Buckets [bpf.DelayBuckets]uint64
	Sum     time.Duration
}

// Count is the number of delays in h.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// since gives what came into h after earlier was taken.
func (h *Histogram) since(earlier *Histogram) Histogram {
	d := *h
	if earlier == nil {
		return d
	}
	d.Sum -= earlier.Sum
	for i, n := range earlier.Buckets {
		d.Buckets[i] -= min(n, d.Buckets[i])
	}
	return d
}

// Delay is a slice's delay in its queue, from the shaper hook to the driver.
type Delay struct {
	P50, P99, Max time.Duration // upper bounds of the buckets, at most 6 % too high
}

// Delay gives h's quantiles; ok is false when it is empty.
func (h *Histogram) Delay() (d Delay, ok bool) {
	total := h.Count()
	if total == 0 {
		return d, false
	}
	var below uint64
	for i, n := range h.Buckets {
		if n == 0 {
			continue
		}
		_, high := bpf.BucketBounds(i)
		if below*2 < total {
			d.P50 = high
		}
		if below*100 < total*99 {
			d.P99 = high
		}
		d.Max = high
		below += n
	}
	return d, true
}

// delays reads the kernel's delay histograms, and tells the kernel which devices to measure.
type delays struct {
	histograms, shapers *ebpf.Map
	probe               link.Link // nil: unavailable
}

// newDelays starts the measurement. Without kernel BTF there is none, which is logged once.
func newDelays(log *slog.Logger, set *bpf.Set) *delays {
	d := &delays{histograms: set.Maps["delays"], shapers: set.Maps["shapers"]}
	probe, err := set.MeasureDelay()
	if err != nil {
		log.Warn("delay_unavailable", "reason", err.Error())
		return d
	}
	d.probe = probe
	return d
}

func (d *delays) close() error {
	if d.probe == nil {
		return nil
	}
	return d.probe.Close()
}

// measure makes the kernel measure these devices of our network namespace (by its inode), and no other of it.
func (d *delays) measure(netns uint32, devices map[uint32]Key) error {
	var key bpf.ShaperKey
	var value uint32
	var stale []bpf.ShaperKey
	entries := d.shapers.Iterate()
	for entries.Next(&key, &value) {
		if _, ok := devices[key.Ifindex]; !ok || key.Netns != netns {
			stale = append(stale, key)
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("list measured devices: %w", err)
	}
	for _, key := range stale {
		if err := d.shapers.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("stop measuring device %d: %w", key.Ifindex, err)
		}
	}
	for ifindex, k := range devices {
		value := uint32(k.Uplink)*2 + uint32(k.Direction)
		if err := d.shapers.Put(bpf.ShaperKey{Netns: netns, Ifindex: ifindex}, value); err != nil {
			return fmt.Errorf("measure device %d: %w", ifindex, err)
		}
	}
	return nil
}

// read sums a slice's histogram over all processors; nil where delays are unavailable.
func (d *delays) read(k Key) (*Histogram, error) {
	if d.probe == nil {
		return nil, nil
	}
	var perCPU []bpf.DelayHistogram
	if err := d.histograms.Lookup(k.index(), &perCPU); err != nil {
		return nil, fmt.Errorf("read delays: %w", err)
	}
	var h Histogram
	for i := range perCPU {
		for b, n := range perCPU[i].Count {
			h.Buckets[b] += n
		}
		h.Sum += time.Duration(perCPU[i].SumUs) * time.Microsecond
	}
	return &h, nil
}

// wipe clears the histograms of a number that changed hands.
func (d *delays) wipe(cpus int, match func(k Key) bool) error {
	for i := range perExperience {
		if !match(keyOf(i)) {
			continue
		}
		if err := d.histograms.Put(uint32(i), make([]bpf.DelayHistogram, cpus)); err != nil {
			return fmt.Errorf("clear delays: %w", err)
		}
	}
	return nil
}
