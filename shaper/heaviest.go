package shaper

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// DeviceMeasurement is what a device of the venue's moved over all uplinks. Its arrays are indexed by slice.Direction.
type DeviceMeasurement struct {
	Device     string        // a MAC, an IPv4 address or an IPv6 /64
	Experience string        // whose subnet holds the address; "" for nobody's, and for a MAC
	Bytes      [2]uint64     // since the device came
	Used       [2]slice.Rate // over the last seconds
}

// weight is what devices are ranked by.
func (d DeviceMeasurement) weight() slice.Rate { return d.Used[slice.Up] + d.Used[slice.Down] }

// HeaviestDevices gives at most so many devices: the fastest of the last seconds first, then those that moved most.
func (s *Shaper) HeaviestDevices(most int) ([]DeviceMeasurement, error) {
	return s.heaviestDevices(time.Now(), most)
}

func (s *Shaper) heaviestDevices(now time.Time, most int) ([]DeviceMeasurement, error) {
	known, err := s.devices.known()
	if err != nil {
		return nil, err
	}
	moved, err := s.devices.moved()
	if err != nil {
		return nil, err
	}
	before, _ := s.history.before(now)
	experiences := s.config().Experiences
	all := make([]DeviceMeasurement, 0, len(known))
	for key, device := range known {
		index := int(device.Index)
		d := DeviceMeasurement{Device: deviceText(key), Experience: payerOf(key, experiences), Bytes: moved[index]}
		if before.devices != nil {
			d.Used = usedSince(before.devices[index], d.Bytes, now.Sub(before.at))
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b DeviceMeasurement) int {
		return cmp.Or(
			cmp.Compare(b.weight(), a.weight()),
			cmp.Compare(b.Bytes[slice.Up]+b.Bytes[slice.Down], a.Bytes[slice.Up]+a.Bytes[slice.Down]),
			cmp.Compare(a.Device, b.Device))
	})
	return all[:min(most, len(all))], nil
}

// usedSince gives both directions' speed. Bytes that went back are another device's, which got the index in the meantime: all
// of them are its own.
func usedSince(then, now [2]uint64, span time.Duration) (used [2]slice.Rate) {
	if then[slice.Up] > now[slice.Up] || then[slice.Down] > now[slice.Down] {
		then = [2]uint64{}
	}
	for _, dir := range slice.Directions {
		used[dir] = slice.Rate(float64((now[dir]-then[dir])*8) / span.Seconds())
	}
	return used
}

// payerOf gives the experience with the longest subnet that holds a device's address.
func payerOf(key bpf.DeviceKey, experiences []Experience) (name string) {
	addr, ok := addressOf(key)
	longest := -1
	for _, e := range experiences {
		for _, subnet := range e.Subnets {
			if ok && subnet.Contains(addr) && subnet.Bits() > longest {
				name, longest = e.Name, subnet.Bits()
			}
		}
	}
	return name
}

// addressOf gives the address of a device that is known by one: of an IPv6 /64, its first.
func addressOf(key bpf.DeviceKey) (netip.Addr, bool) {
	if _, isMAC := deviceMAC(key); isMAC {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16(key.Addr).Unmap(), true
}

// known gives all devices that have an index.
func (d devices) known() (map[bpf.DeviceKey]bpf.Device, error) {
	keys := make([]bpf.DeviceKey, bpf.MaxDevices)
	values := make([]bpf.Device, bpf.MaxDevices)
	var cursor ebpf.MapBatchCursor
	n, err := d.table.BatchLookup(&cursor, keys, values, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	known := make(map[bpf.DeviceKey]bpf.Device, n)
	for i := range n {
		known[keys[i]] = values[i]
	}
	return known, nil
}

// moved gives the bytes of each index, by direction.
func (d devices) moved() ([][2]uint64, error) {
	keys := make([]uint32, bpf.MaxDevices)
	values := make([]bpf.DirectionBytes, bpf.MaxDevices*d.cpus)
	var cursor ebpf.MapBatchCursor
	n, err := d.bytes.BatchLookup(&cursor, keys, values, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, fmt.Errorf("read bytes of devices: %w", err)
	}
	if n != bpf.MaxDevices {
		return nil, fmt.Errorf("read bytes of devices: %d of %d", n, bpf.MaxDevices)
	}
	moved := make([][2]uint64, n)
	for i, v := range values {
		for _, dir := range slice.Directions {
			moved[i/d.cpus][dir] += v.Bytes[dir]
		}
	}
	return moved, nil
}
