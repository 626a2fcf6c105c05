package shaper

import (
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
)

// A device index is given back when its device has been away for long, or, when most are taken, for a while.
const (
	awayLong     = 12 * time.Hour
	awayAWhile   = 5 * time.Minute
	mostDevices  = bpf.MaxDevices * 3 / 4
	recycleEvery = time.Minute
)

// devices gives the indexes of devices that left to those that come.
type devices struct {
	table, free, bytes, seen, limits *ebpf.Map
	cpus                             int
}

func newDevices(set *bpf.Set, cpus int) devices {
	return devices{set.Maps["devices"], set.Maps["device_free"], set.Maps["device_bytes"], set.Maps["device_seen"], set.Maps["device_limits"], cpus}
}

// recycle frees the indexes of devices that are away at now, in ns of the coarse clock, and says how many. So are those of interfaces that
// are no venue's any more: where a bridge was made anew, all of its devices come again, and as others. Without any venue, as while the
// only bridge is away, nothing can be said of that. A freed index goes to the end of the queue: flows that still bear it have long
// ended, or ask within a second who sends them.
func (d devices) recycle(now uint64, venues []uint32) (int, error) {
	known, err := d.known()
	if err != nil {
		return 0, err
	}
	away := awayLong
	if len(known) > mostDevices {
		away = awayAWhile
	}
	freed := 0
	for key, device := range known {
		there := len(venues) == 0 || slices.Contains(venues, key.Ifindex)
		if there && now < device.Seen+uint64(away) {
			continue
		}
		if err := d.forget(key, uint32(device.Index)); err != nil {
			return freed, err
		}
		freed++
	}
	return freed, nil
}

func (d devices) forget(key bpf.DeviceKey, index uint32) error {
	if err := d.table.Delete(key); err != nil {
		return fmt.Errorf("forget device %s: %w", deviceText(key), err)
	}
	for _, err := range []error{
		d.bytes.Put(index, make([]bpf.DirectionBytes, d.cpus)),
		d.seen.Put(index, bpf.LastSeen{}),
		d.limits.Put(index, bpf.DeviceLimit{}),
		d.free.Put(nil, index),
	} {
		if err != nil {
			return fmt.Errorf("free device index %d: %w", index, err)
		}
	}
	return nil
}
