package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cilium/ebpf"
)

// Set is the data plane's maps, and the programs that were loaded on them.
type Set struct {
	Maps   map[string]*ebpf.Map // by name, as in maps.h and delay.bpf.c
	Starts uint32               // of agents on these maps, this one included

	log *slog.Logger

	mu       sync.Mutex // guards what follows
	programs map[Variant]*ebpf.Program
	former   []*tenant // whose programs are still there, on maps of their own, who started last first
	// forgotten is what former tenants had counted of numbers that changed hands, by index of the counters.
	forgotten map[uint32]Counter
}

// Open goes on with the maps that the attached programs hold, so that flows, counters and names go on. With none attached it makes
// new maps; also next to ones of another layout, from which it takes over what was counted and named, see CarryOver. Finding maps
// by id takes CAP_SYS_ADMIN.
func Open(log *slog.Logger, attached []ebpf.ProgramID) (*Set, error) {
	specs, err := mapSpecs()
	if err != nil {
		return nil, err
	}
	tenants, err := findTenants(specs, attached)
	if len(attached) > 0 && len(tenants) == 0 {
		err = cmp.Or(err, errNoTenant)
	}
	if err != nil {
		log.Warn("new_maps", "reason", err.Error())
	}
	s := &Set{log: log, programs: make(map[Variant]*ebpf.Program), forgotten: make(map[uint32]Counter)}
	s.Maps, s.former = settleIn(tenants)
	for _, t := range s.former {
		log.Warn("taking_over", "programs", len(t.programs), "reason", t.why())
	}
	fresh := s.Maps == nil
	if fresh {
		s.Maps, err = newMaps(specs)
	} else {
		log.Info("maps_found", "maps", len(s.Maps), "programs", len(attached))
	}
	if err == nil {
		err = s.start(fresh)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newMaps(specs map[string]*ebpf.MapSpec) (map[string]*ebpf.Map, error) {
	made := make(map[string]*ebpf.Map, len(specs))
	for name, spec := range specs {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			closeAll(made)
			return nil, fmt.Errorf("create map %s: %w", name, err)
		}
		made[name] = m
	}
	return made, nil
}

// mapSpecs gives the specs of all shared maps: those of both objects, without the sections that hold constants.
func mapSpecs() (map[string]*ebpf.MapSpec, error) {
	plane, err := loadDataplane()
	if err != nil {
		return nil, fmt.Errorf("read data plane object: %w", err)
	}
	delay, err := loadDelay()
	if err != nil {
		return nil, fmt.Errorf("read delay object: %w", err)
	}
	specs := make(map[string]*ebpf.MapSpec)
	for _, object := range []*ebpf.CollectionSpec{plane, delay} {
		for name, spec := range object.Maps {
			if name[0] != '.' {
				specs[name] = spec
			}
		}
	}
	return specs, nil
}

// start counts this agent's start, and fills what new maps begin with.
func (s *Set) start(fresh bool) error {
	var info dataplaneLayoutInfo
	if err := s.Maps["layout"].Lookup(uint32(0), &info); err != nil {
		return fmt.Errorf("read layout: %w", err)
	}
	info.Version = dataplaneLayoutVersionLAYOUT
	if len(s.former) > 0 {
		info.Starts = max(info.Starts, s.former[0].layout.Starts)
	}
	info.Starts++
	s.Starts = info.Starts
	if err := s.Maps["layout"].Put(uint32(0), info); err != nil {
		return fmt.Errorf("write layout: %w", err)
	}
	if fresh {
		if len(s.former) > 0 {
			if err := s.inherit(s.former[0]); err != nil {
				return err
			}
		}
		if err := s.fillFreeDevices(); err != nil {
			return err
		}
	}
	return s.CarryOver()
}

// fillFreeDevices queues the device indexes that nobody has.
func (s *Set) fillFreeDevices() error {
	taken := make(map[uint32]bool)
	var key DeviceKey
	var value Device
	entries := s.Maps["devices"].Iterate()
	for entries.Next(&key, &value) {
		taken[uint32(value.Index)] = true
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("list devices: %w", err)
	}
	for i := uint32(1); i < uint32(MaxDevices); i++ {
		if taken[i] {
			continue
		}
		if err := s.Maps["device_free"].Put(nil, i); err != nil {
			return fmt.Errorf("fill free devices: %w", err)
		}
	}
	return nil
}

// Close drops this process's descriptors. What filters hold stays.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.programs {
		p.Close()
	}
	s.programs = nil
	s.letGoLocked()
	closeAll(s.Maps)
	return nil
}

func closeAll(maps map[string]*ebpf.Map) {
	for _, m := range maps {
		m.Close()
	}
}
