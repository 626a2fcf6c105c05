package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cilium/ebpf"
)

// heirlooms are what new maps begin with when there was a former tenant: names and what is booked under them, devices, delays. No
// program works on the new maps yet. Flows are met anew, and pins are their owners' to make.
var heirlooms = []string{"names", "drops", "delays", "devices", "device_bytes", "classified", "faults", "hooks"}

// inherit copies a former tenant's heirlooms into new maps, and leaves behind what is of another form. Without the names nothing
// says whose the numbers are.
func (s *Set) inherit(t *tenant) error {
	if !t.holds("names") {
		s.log.Warn("counters_begin_anew", "reason", t.reason())
		return nil
	}
	for _, name := range heirlooms {
		if !t.holds(name) {
			s.log.Warn("map_left_behind", "map", name)
			continue
		}
		if err := copyEntries(t.maps[name], s.Maps[name]); err != nil {
			return fmt.Errorf("take over map %s: %w", name, err)
		}
	}
	return nil
}

// holds reports whether t has a map of the form that this version knows.
func (t *tenant) holds(name string) bool { return t.unfit[name] == nil }

// copyEntries puts all entries of one map into another of the same form.
func copyEntries(from, to *ebpf.Map) error {
	key, err := from.NextKeyBytes(nil)
	for ; key != nil && err == nil; key, err = from.NextKeyBytes(key) {
		value, err := from.LookupBytes(key)
		switch {
		case err != nil:
			return err
		case value == nil: // gone meanwhile
			continue
		case from.Type() == ebpf.PerCPUArray:
			err = to.Put(key, perCPU(value, int(from.ValueSize())))
		default:
			err = to.Put(key, value)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// perCPU splits what the kernel gives in one piece: each processor's value is padded to 8 bytes.
func perCPU(values []byte, size int) [][]byte {
	var list [][]byte
	for padded := range slices.Chunk(values, (size+7)/8*8) {
		list = append(list, padded[:size])
	}
	return list
}

// TakingOver reports whether programs of a former tenant are still to be replaced, or were a moment ago.
func (s *Set) TakingOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.former != nil
}

// CarryOver books what a former tenant's programs have counted by now. They count until they are replaced, so this is to be called
// now and then; once none of them is left its maps are let go, and there is nothing to do any more.
func (s *Set) CarryOver() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.former == nil {
		return nil
	}
	gone, err := s.former.hasLeft() // asked first: what was counted until then is booked below
	if err == nil {
		err = s.bookLocked(s.former)
	}
	if err != nil {
		return fmt.Errorf("take over counters: %w", err)
	}
	if gone {
		s.log.Info("taken_over", "layout", s.former.layout.Version)
		closeAll(s.former.maps)
		s.former = nil
	}
	return nil
}

// hasLeft reports whether no program of t is left in the kernel.
func (t *tenant) hasLeft() (bool, error) {
	for _, id := range t.programs {
		p, err := ebpf.NewProgramFromID(id)
		switch {
		case err == nil:
			return false, p.Close()
		case !errors.Is(err, fs.ErrNotExist):
			return false, fmt.Errorf("look for program %d: %w", id, err)
		}
	}
	return true, nil
}

// bookLocked raises counted_before to what t has counted, and was booked before t. It never lowers an entry, so it may be done again,
// also by the agent after one that died meanwhile.
func (s *Set) bookLocked(t *tenant) error {
	if !t.holds("names") || !t.holds("counters") {
		return nil
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	own := s.Maps["counted_before"]
	entries := int(own.MaxEntries())
	sums := make([]Counter, entries)
	for name, values := range map[string]int{"counters": cpus, "counted_before": 1} {
		if !t.holds(name) {
			continue
		}
		read, err := ReadCounters(t.maps[name], entries, values)
		if err != nil {
			return err
		}
		for i, c := range read {
			sums[i/values].Bytes += c.Bytes
			sums[i/values].Packets += c.Packets
		}
	}
	booked, err := ReadCounters(own, entries, 1)
	if err != nil {
		return err
	}
	keys := make([]uint32, entries)
	for i, c := range booked {
		keys[i] = uint32(i)
		booked[i] = Counter{Bytes: max(c.Bytes, sums[i].Bytes), Packets: max(c.Packets, sums[i].Packets)}
	}
	if _, err := own.BatchUpdate(keys, booked, nil); err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	return nil
}

// ReadCounters reads the first entries of an array of counters in one go; each has one value, or as many as there are possible
// processors.
func ReadCounters(m *ebpf.Map, entries, values int) ([]Counter, error) {
	keys := make([]uint32, entries)
	counters := make([]Counter, entries*values)
	var cursor ebpf.MapBatchCursor
	n, err := m.BatchLookup(&cursor, keys, counters, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	if n != entries {
		return nil, fmt.Errorf("read counters: %d of %d", n, entries)
	}
	return counters, nil
}
