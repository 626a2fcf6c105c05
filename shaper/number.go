package shaper

import (
	"errors"

	"github.com/slicegate/slicegate/internal/slice"
)

// Number gives the kernel's numbers of names, see Numbers. What was counted under a number that changes hands is cleared.
func (s *Shaper) Number(slices, uplinks, experiences []string) (Numbers, error) {
	ofSlices, err1 := s.assign(sliceSection, slices, func(n, _ int, k Key) bool { return int(k.Slice) == n })
	ofUplinks, err2 := s.assign(uplinkSection, uplinks, func(n, _ int, k Key) bool { return int(k.Uplink) == n })
	ofExperiences, err3 := s.assign(experienceSection, experiences, func(n, experience int, _ Key) bool { return experience == n })
	return Numbers{
		Slices:      narrow[slice.ID](ofSlices),
		Uplinks:     narrow[uint8](ofUplinks),
		Experiences: narrow[uint8](ofExperiences),
	}, errors.Join(err1, err2, err3)
}

// Foresee gives the numbers that Number would, and writes nothing.
func (s *Shaper) Foresee(slices, uplinks, experiences []string) (Numbers, error) {
	ofSlices, err1 := s.names.number(sliceSection, slices)
	ofUplinks, err2 := s.names.number(uplinkSection, uplinks)
	ofExperiences, err3 := s.names.number(experienceSection, experiences)
	return Numbers{
		Slices:      narrow[slice.ID](ofSlices.numbers),
		Uplinks:     narrow[uint8](ofUplinks.numbers),
		Experiences: narrow[uint8](ofExperiences.numbers),
	}, errors.Join(err1, err2, err3)
}

// assign numbers one section; theirs says whether a counter belongs to number n.
func (s *Shaper) assign(sec section, wanted []string, theirs func(n, experience int, k Key) bool) (map[string]int, error) {
	numbers, recycled, err := s.names.assign(sec, wanted)
	if err != nil {
		return nil, err
	}
	for _, n := range recycled {
		err = errors.Join(err,
			s.counters.wipe(func(experience int, k Key) bool { return theirs(n, experience, k) }),
			s.delays.wipe(s.counters.cpus, func(k Key) bool { return theirs(n, -1, k) }))
	}
	return numbers, err
}

// narrow fits numbers into the kernel's type; sections are never wider.
func narrow[T ~uint8](numbers map[string]int) map[string]T {
	narrowed := make(map[string]T, len(numbers))
	for name, n := range numbers {
		narrowed[name] = T(n)
	}
	return narrowed
}
