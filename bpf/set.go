package bpf

import (
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

	mu       sync.Mutex // guards programs
	programs map[Variant]*ebpf.Program
}

// Open takes over the maps that the attached programs hold, so that flows, counters and names go on. With none attached, or
// with ones of another layout, it makes new maps, and says so. Finding maps by id takes CAP_SYS_ADMIN.
func Open(log *slog.Logger, attached []ebpf.ProgramID) (*Set, error) {
	specs, err := mapSpecs()
	if err != nil {
		return nil, err
	}
	found, err := adopt(specs, attached)
	switch {
	case err != nil:
		log.Warn("new_maps", "reason", err.Error())
		found = nil
	case len(found) > 0:
		log.Info("maps_found", "maps", len(found), "programs", len(attached))
	}
	s := &Set{Maps: found, programs: make(map[Variant]*ebpf.Program)}
	fresh := len(found) == 0
	if fresh {
		s.Maps = make(map[string]*ebpf.Map, len(specs))
	}
	for name, spec := range specs {
		if s.Maps[name] != nil {
			continue
		}
		m, err := ebpf.NewMap(spec)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create map %s: %w", name, err), s.Close())
		}
		s.Maps[name] = m
	}
	if err := s.start(fresh); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
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

// adopt opens the maps of attached programs by name. It gives an error when they do not fit this version.
func adopt(specs map[string]*ebpf.MapSpec, attached []ebpf.ProgramID) (found map[string]*ebpf.Map, err error) {
	found = make(map[string]*ebpf.Map)
	defer func() {
		if err != nil {
			closeAll(found)
		}
	}()
	for _, id := range attached {
		if err := adoptProgram(specs, id, found); err != nil {
			return nil, fmt.Errorf("program %d: %w", id, err)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	var have dataplaneLayoutInfo
	if found["layout"] == nil {
		return nil, errors.New("attached programs hold no layout map")
	}
	if err := found["layout"].Lookup(uint32(0), &have); err != nil {
		return nil, fmt.Errorf("read layout: %w", err)
	}
	if have.Version != dataplaneLayoutVersionLAYOUT {
		return nil, fmt.Errorf("attached maps have layout %d, this version has %d", have.Version, dataplaneLayoutVersionLAYOUT)
	}
	return found, nil
}

func adoptProgram(specs map[string]*ebpf.MapSpec, id ebpf.ProgramID, found map[string]*ebpf.Map) error {
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		return fmt.Errorf("read info: %w", err)
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return fmt.Errorf("open map %d: %w", id, err)
		}
		mi, err := m.Info()
		if err != nil {
			m.Close()
			return fmt.Errorf("read info of map %d: %w", id, err)
		}
		spec := specs[mi.Name]
		if spec == nil || found[mi.Name] != nil {
			m.Close()
			continue
		}
		found[mi.Name] = m
		if err := spec.Compatible(m); err != nil {
			return fmt.Errorf("map %s: %w", mi.Name, err)
		}
	}
	return nil
}

// start counts this agent's start, and fills what new maps begin with.
func (s *Set) start(fresh bool) error {
	var info dataplaneLayoutInfo
	if err := s.Maps["layout"].Lookup(uint32(0), &info); err != nil {
		return fmt.Errorf("read layout: %w", err)
	}
	info.Version = dataplaneLayoutVersionLAYOUT
	info.Starts++
	s.Starts = info.Starts
	if err := s.Maps["layout"].Put(uint32(0), info); err != nil {
		return fmt.Errorf("write layout: %w", err)
	}
	if !fresh {
		return nil
	}
	for i := uint32(1); i < uint32(MaxDevices); i++ {
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
	closeAll(s.Maps)
	return nil
}

func closeAll(maps map[string]*ebpf.Map) {
	for _, m := range maps {
		m.Close()
	}
}
