package shaper

import (
	"bytes"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Numbers are what the kernel knows names by. A name keeps its number for as long as it is configured, over restarts too, so that
// counters stay whose they were.
type Numbers struct {
	Slices      map[string]slice.ID
	Uplinks     map[string]uint8
	Experiences map[string]uint8
}

// section is a part of the names map: the numbers first to end-1 are at their own value after base.
type section struct {
	what             string
	base, first, end int
}

var (
	sliceSection      = section{"slice", 0, 1, bpf.MaxSlices}
	uplinkSection     = section{"uplink", bpf.MaxSlices, 0, bpf.MaxUplinks}
	experienceSection = section{"experience", bpf.MaxSlices + bpf.MaxUplinks, 1, bpf.MaxExperiences}
)

// names is the kernel's own list of names and numbers.
type names struct{ m *ebpf.Map }

// numbering is how a section's names get their numbers.
type numbering struct {
	numbers  map[string]int
	renamed  map[int]string // numbers whose name is to be written
	recycled []int          // those of them that had another name: what was counted under them belongs to somebody else
}

// number finds a number for every wanted name: the one that it has, one that was never given out, or at last one whose name is no
// longer wanted. It writes nothing.
func (n names) number(s section, wanted []string) (numbering, error) {
	have, err := n.read(s)
	if err != nil {
		return numbering{}, err
	}
	wants := make(map[string]bool, len(wanted))
	for _, name := range wanted {
		wants[name] = true
	}
	out := numbering{numbers: make(map[string]int, len(wanted)), renamed: make(map[int]string)}
	var unused, stale []int
	for number := s.first; number < s.end; number++ {
		switch name := have[number]; {
		case name == "":
			unused = append(unused, number)
		case wants[name]:
			out.numbers[name] = number
		default:
			stale = append(stale, number)
		}
	}
	free := append(unused, stale...)
	for _, name := range wanted {
		if _, ok := out.numbers[name]; ok {
			continue
		}
		if len(free) == 0 {
			return numbering{}, fmt.Errorf("number %s %q: more than %d names", s.what, name, s.end-s.first)
		}
		number := free[0]
		free = free[1:]
		if have[number] != "" {
			out.recycled = append(out.recycled, number)
		}
		out.numbers[name], out.renamed[number] = number, name
	}
	return out, nil
}

// assign is number, and writes the names.
func (n names) assign(s section, wanted []string) (numbers map[string]int, recycled []int, err error) {
	out, err := n.number(s, wanted)
	if err != nil {
		return nil, nil, err
	}
	for number, name := range out.renamed {
		if err := n.write(s, number, name); err != nil {
			return nil, nil, err
		}
	}
	return out.numbers, out.recycled, nil
}

// read gives a section's names by number.
func (n names) read(s section) (map[int]string, error) {
	have := make(map[int]string)
	for number := s.first; number < s.end; number++ {
		var text [bpf.MaxName]byte
		if err := n.m.Lookup(uint32(s.base+number), &text); err != nil {
			return nil, fmt.Errorf("read name of %s %d: %w", s.what, number, err)
		}
		if name, _, _ := bytes.Cut(text[:], []byte{0}); len(name) > 0 {
			have[number] = string(name)
		}
	}
	return have, nil
}

// highest is the largest number of a section that was ever given out; 0 for none.
func (n names) highest(s section) (int, error) {
	have, err := n.read(s)
	highest := 0
	for number := range have {
		highest = max(highest, number)
	}
	return highest, err
}

func (n names) write(s section, number int, name string) error {
	var text [bpf.MaxName]byte
	if copy(text[:bpf.MaxName-1], name) < len(name) {
		return fmt.Errorf("number %s %q: name longer than %d bytes", s.what, name, bpf.MaxName-1)
	}
	if err := n.m.Put(uint32(s.base+number), text); err != nil {
		return fmt.Errorf("write name of %s %d: %w", s.what, number, err)
	}
	return nil
}
