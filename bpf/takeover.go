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
	return len(s.former) > 0
}

// CarryOver books what former tenants' programs have counted by now. They count until they are replaced, so this is to be called
// now and then; once none of them is left their maps are let go, and there is nothing to do any more.
func (s *Set) CarryOver() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.former) == 0 {
		return nil
	}
	left := true // asked first: what was counted until then is booked below
	for _, t := range s.former {
		gone, err := t.hasLeft()
		if err != nil {
			return fmt.Errorf("take over counters: %w", err)
		}
		left = left && gone
	}
	if err := s.bookLocked(); err != nil {
		return fmt.Errorf("take over counters: %w", err)
	}
	if left {
		s.log.Info("taken_over", "layout", s.former[0].layout.Version)
		s.letGoLocked()
	}
	return nil
}

func (s *Set) letGoLocked() {
	for _, t := range s.former {
		closeAll(t.maps)
	}
	s.former, s.forgotten = nil, nil
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

// bookLocked raises counted_before to what former tenants have counted, and was booked before the first of them. It never lowers an
// entry, so it may be done again, also by the agent after one that died meanwhile.
func (s *Set) bookLocked() error {
	sums, err := s.formerLocked()
	if err != nil {
		return err
	}
	own := s.Maps["counted_before"]
	booked, err := ReadCounters(own, len(sums), 1)
	if err != nil {
		return err
	}
	keys := make([]uint32, len(sums))
	for i, c := range booked {
		keys[i] = uint32(i)
		sum, gone := sums[i], s.forgotten[uint32(i)]
		booked[i] = Counter{Bytes: max(c.Bytes, sum.Bytes-gone.Bytes), Packets: max(c.Packets, sum.Packets-gone.Packets)}
	}
	if _, err := own.BatchUpdate(keys, booked, nil); err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	return nil
}

// formerLocked adds up what former tenants have counted themselves, and what was booked before the first of them: what the others
// have booked is what those before them counted.
func (s *Set) formerLocked() ([]Counter, error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count processors: %w", err)
	}
	sums := make([]Counter, s.Maps["counted_before"].MaxEntries())
	add := func(t *tenant, name string, values int) error {
		if !t.holds("names") || !t.holds(name) {
			return nil
		}
		read, err := ReadCounters(t.maps[name], len(sums), values)
		for i, c := range read {
			sums[i/values].Bytes += c.Bytes
			sums[i/values].Packets += c.Packets
		}
		return err
	}
	for i, t := range s.former {
		if err := add(t, "counters", cpus); err != nil {
			return nil, err
		}
		if i == len(s.former)-1 {
			if err := add(t, "counted_before", 1); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

// ForgetCounters makes counters zero, by their indexes: their numbers have changed hands.
func (s *Set) ForgetCounters(keys []uint32) error {
	if len(keys) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.former) > 0 {
		sums, err := s.formerLocked()
		if err != nil {
			return fmt.Errorf("clear counters: %w", err)
		}
		for _, key := range keys {
			s.forgotten[key] = sums[key]
		}
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	for name, values := range map[string]int{"counters": cpus, "counted_before": 1} {
		if _, err := s.Maps[name].BatchUpdate(keys, make([]Counter, len(keys)*values), nil); err != nil {
			return fmt.Errorf("clear counters: %w", err)
		}
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
