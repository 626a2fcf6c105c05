package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// ErrClosed is what a closed Set answers.
var ErrClosed = errors.New("program set is closed")

// ProgramFD gives a descriptor of v's program, which stays the Set's own. The program is loaded on first use.
func (s *Set) ProgramFD(v Variant) (int, error) {
	p, err := s.program(v)
	if err != nil {
		return 0, err
	}
	return p.FD(), nil
}

func (s *Set) program(v Variant) (*ebpf.Program, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil {
		return nil, ErrClosed
	}
	if p := s.programs[v]; p != nil {
		return p, nil
	}
	p, err := s.load(v)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", v.Role, err)
	}
	s.programs[v] = p
	return p, nil
}

// load verifies one program with v's constants on the shared maps, and binds all of them to it.
func (s *Set) load(v Variant) (*ebpf.Program, error) {
	spec, err := v.spec()
	if err != nil {
		return nil, err
	}
	return s.loadSpec(spec, v.Role.String())
}

// spec gives the object with v's program alone, and v's constants.
func (v Variant) spec() (*ebpf.CollectionSpec, error) {
	spec, err := loadDataplane()
	if err != nil {
		return nil, err
	}
	name := v.Role.String()
	if spec.Programs[name] == nil {
		return nil, fmt.Errorf("no program %s in the object", name)
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
	for variable, value := range v.constants() {
		if err := spec.Variables[variable].Set(value); err != nil {
			return nil, fmt.Errorf("set constant %s: %w", variable, err)
		}
	}
	return spec, nil
}

func (s *Set) loadSpec(spec *ebpf.CollectionSpec, name string) (*ebpf.Program, error) {
	shared := make(map[string]*ebpf.Map, len(s.Maps))
	for name, m := range s.Maps {
		if spec.Maps[name] != nil {
			shared[name] = m
		}
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p := c.DetachProgram(name)
	for name, m := range s.Maps {
		if err := p.BindMap(m); err != nil {
			p.Close()
			return nil, fmt.Errorf("bind map %s: %w", name, err)
		}
	}
	return p, nil
}
