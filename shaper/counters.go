package shaper

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Key says whose numbers these are.
type Key struct {
	Uplink    uint8
	Direction slice.Direction
	Slice     slice.ID
}

// Count is what was offered to a shaper, before its queue.
type Count struct {
	Bytes   uint64 // on the link, as the kernel sees frames
	Packets uint64 // a batch counts as the packets that it becomes
}

func (c *Count) add(o Count) {
	c.Bytes += o.Bytes
	c.Packets += o.Packets
}

// index is a key's place in the delay and drop maps, and within an experience's part of the counters.
func (k Key) index() uint32 {
	return (uint32(k.Uplink)*2+uint32(k.Direction))*uint32(bpf.MaxSlices) + uint32(k.Slice)
}

// keyOf is the way back from Key.index.
func keyOf(index int) Key {
	return Key{uint8(index / (2 * bpf.MaxSlices)), slice.Direction(index / bpf.MaxSlices % 2), slice.ID(index % bpf.MaxSlices)}
}

// perExperience is the number of counters that one experience has.
const perExperience = bpf.MaxUplinks * 2 * bpf.MaxSlices

// counters reads the kernel's books. Reading resets nothing.
type counters struct {
	offeredMap, beforeMap, seenMap, dropMap, deviceMap *ebpf.Map
	sums                                               map[string]*ebpf.Map // small per-CPU arrays of plain numbers
	cpus                                               int
	forget                                             func(keys []uint32) error // zeroes entries of the first two

	booking sync.Mutex            // guards dropMap's values, what follows, and the order in which leaves are read and booked
	booked  map[Key]bpf.DropCount // what dropMap is known to hold: nobody else writes it
}

func newCounters(set *bpf.Set) (*counters, error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count processors: %w", err)
	}
	return &counters{
		offeredMap: set.Maps["counters"],
		beforeMap:  set.Maps["counted_before"],
		seenMap:    set.Maps["device_seen"],
		dropMap:    set.Maps["drops"],
		deviceMap:  set.Maps["devices"],
		sums:       map[string]*ebpf.Map{"classified": set.Maps["classified"], "faults": set.Maps["faults"], "hooks": set.Maps["hooks"]},
		cpus:       cpus,
		forget:     set.ForgetCounters,
		booked:     make(map[Key]bpf.DropCount),
	}, nil
}

// offered reads all counters of the experiences 0 to highest in one go: experience by experience, each indexed by Key.index.
func (c *counters) offered(highest int) ([][]Count, error) {
	flat := make([]Count, (highest+1)*perExperience)
	for _, part := range []struct {
		m      *ebpf.Map
		values int // of an entry
	}{{c.offeredMap, c.cpus}, {c.beforeMap, 1}} {
		values, err := bpf.ReadCounters(part.m, len(flat), part.values)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			flat[i/part.values].add(Count{v.Bytes, v.Packets})
		}
	}
	all := make([][]Count, highest+1)
	for e := range all {
		all[e] = flat[e*perExperience : (e+1)*perExperience]
	}
	return all, nil
}

// sum reads a per-CPU array of plain numbers, such as faults by bpf.Fault.
func (c *counters) sum(name string, n int) ([]uint64, error) {
	sums := make([]uint64, n)
	for i := range sums {
		var perCPU []uint64
		if err := c.sums[name].Lookup(uint32(i), &perCPU); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for _, v := range perCPU {
			sums[i] += v
		}
	}
	return sums, nil
}

// leafStats is a slice's outermost leaf qdisc.
type leafStats struct {
	drops   uint64 // since the maps were made
	backlog uint64 // bytes
	sent    Count  // since the qdisc was made
	queues  uint32 // that hold something now, at most, of the fq_codel inside
}

// dropped gives the drops of a slice since the maps were made, as they were booked last.
func (c *counters) dropped(k Key) (uint64, error) {
	c.booking.Lock()
	defer c.booking.Unlock()
	d, err := c.dropsLocked(k)
	return d.Before + d.Last, err
}

// bookLocked notes what a leaf's own counter shows, and gives the drops since the maps were made. A counter that went back is a new
// qdisc's. Its caller has held booking since before the counter was read.
func (c *counters) bookLocked(k Key, shown uint64) (uint64, error) {
	d, err := c.dropsLocked(k)
	if err != nil || shown == d.Last {
		return d.Before + d.Last, err
	}
	if shown < d.Last {
		d.Before += d.Last
	}
	d.Last = shown
	return d.Before + d.Last, c.writeDropsLocked(k, d)
}

// dropsLocked gives what is booked, and asks the kernel for it once: leaves are looked at again and again.
func (c *counters) dropsLocked(k Key) (bpf.DropCount, error) {
	d, ok := c.booked[k]
	if ok {
		return d, nil
	}
	if err := c.dropMap.Lookup(k.index(), &d); err != nil {
		return d, fmt.Errorf("read drops: %w", err)
	}
	c.booked[k] = d
	return d, nil
}

func (c *counters) writeDropsLocked(k Key, d bpf.DropCount) error {
	if err := c.dropMap.Put(k.index(), d); err != nil {
		return fmt.Errorf("write drops: %w", err)
	}
	c.booked[k] = d
	return nil
}

// recentDevices is how long a device stays in the count of devices.
const recentDevices = 10 * time.Second

// devicesAtOnce is how many devices are read in one go: 128 kB of them. The whole map is 2 MB, which as one piece of fresh memory
// costs more than the kernel's copying.
const devicesAtOnce = 256

// devices counts the devices that each key saw lately.
func (c *counters) devices() (map[Key]int, error) {
	now, err := coarseSeconds()
	if err != nil {
		return nil, err
	}
	return c.devicesAt(now)
}

func (c *counters) devicesAt(now uint16) (map[Key]int, error) {
	keys := make([]uint32, devicesAtOnce)
	values := make([]bpf.LastSeen, devicesAtOnce)
	seen := make(map[Key]int)
	var cursor ebpf.MapBatchCursor
	for {
		n, err := c.seenMap.BatchLookup(&cursor, keys, values, nil)
		last := errors.Is(err, ebpf.ErrKeyNotExist)
		if err != nil && !last {
			return nil, fmt.Errorf("read devices: %w", err)
		}
		for i := range values[:n] {
			countRecent(seen, &values[i], now)
		}
		if last {
			return seen, nil
		}
	}
}

// countRecent counts a device where it was seen lately. Most indexes are nobody's, and cost one comparison.
func countRecent(seen map[Key]int, device *bpf.LastSeen, now uint16) {
	if *device == (bpf.LastSeen{}) {
		return
	}
	for u, directions := range device.At {
		for d, slices := range directions {
			for s, at := range slices {
				// at is odd where it is set: see mark_seen. Ages wrap with the clock.
				if at != 0 && now-at <= uint16(recentDevices/time.Second) {
					seen[Key{uint8(u), slice.Direction(d), slice.ID(s)}]++
				}
			}
		}
	}
}

// wipe zeroes what was counted under numbers that changed hands. Experience -1 asks about counts that have none.
func (c *counters) wipe(match func(experience int, k Key) bool) error {
	var keys []uint32
	for e := -1; e < bpf.MaxExperiences; e++ {
		for i := range perExperience {
			k := keyOf(i)
			switch {
			case !match(e, k):
			case e >= 0:
				keys = append(keys, uint32(e*perExperience+i))
			default:
				if err := c.forgetDrops(k); err != nil {
					return err
				}
			}
		}
	}
	return c.forget(keys)
}

// forgetDrops makes what a leaf shows now the new zero.
func (c *counters) forgetDrops(k Key) error {
	c.booking.Lock()
	defer c.booking.Unlock()
	d, err := c.dropsLocked(k)
	if err != nil {
		return err
	}
	d.Before = -d.Last
	return c.writeDropsLocked(k, d)
}
