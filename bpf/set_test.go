package bpf

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/internal/nettest"
)

// attachedTo gives what a dump of filters would: the ids of programs that hold the maps.
func attachedTo(t *testing.T, s *Set) []ebpf.ProgramID {
	t.Helper()
	var ids []ebpf.ProgramID
	for _, v := range []Variant{venueIn, uplinkOut} {
		p, err := s.program(v)
		if err != nil {
			t.Fatal(err)
		}
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		id, ok := info.ID()
		if !ok {
			t.Fatal("program has no id")
		}
		ids = append(ids, id)
	}
	return ids
}

// open opens a Set as a later agent does, and gives what it logged.
func open(t *testing.T, attached []ebpf.ProgramID) (*Set, string) {
	t.Helper()
	var log strings.Builder
	s, err := Open(slog.New(slog.NewTextHandler(&log, nil)), attached)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, log.String()
}

// The next agent finds all maps through any program, and what is in them.
func TestOpenFindsMaps(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	device := deviceOf(p.sent(pk))
	next, log := open(t, attachedTo(t, p.Set)[:1])
	if next.Starts != p.Starts+1 || !strings.Contains(log, "maps_found") {
		t.Errorf("start number %d after %d, log %q", next.Starts, p.Starts, log)
	}
	var f Flow
	if err := next.Maps["flows_new"].Lookup(pk.key(), &f); err != nil || f.Device != device {
		t.Errorf("flow %+v, %v", f, err)
	}
	for name, m := range p.Maps {
		a, err := m.Info()
		p.must(err)
		b, err := next.Maps[name].Info()
		p.must(err)
		idA, _ := a.ID()
		idB, _ := b.ID()
		if idA != idB {
			t.Errorf("map %s was made anew", name)
		}
	}
	// The free devices are those that were free, no more.
	var index uint32
	n := 0
	for next.Maps["device_free"].LookupAndDelete(nil, &index) == nil {
		n++
	}
	if n != MaxDevices-2 {
		t.Errorf("%d free devices, want %d", n, MaxDevices-2)
	}
}

// Next to maps of another layout new ones are made, and begin with what is named and counted there: once, however often it is booked,
// and until the other programs are gone.
func TestOpenOfAnotherLayout(t *testing.T) {
	p := newPlane(t)
	info := dataplaneLayoutInfo{Version: dataplaneLayoutVersionLAYOUT + 1, Starts: 7}
	p.must(p.Maps["layout"].Put(uint32(0), info))
	attached := attachedTo(t, p.Set)
	var name [MaxName]byte
	copy(name[:], "media")
	p.must(p.Maps["names"].Put(uint32(3), name))
	p.must(p.Maps["drops"].Put(uint32(3), DropCount{Before: 4, Last: 5}))
	p.must(p.Maps["devices"].Put(DeviceKey{Ifindex: 9}, Device{Index: 77}))
	cpus, err := ebpf.PossibleCPU()
	p.must(err)
	counted := func(bytes uint64) {
		t.Helper()
		p.must(p.Maps["counters"].Put(uint32(3), slices.Repeat([]Counter{{Bytes: bytes, Packets: 1}}, cpus)))
	}
	counted(100)

	next, log := open(t, attached)
	if next.Starts != 8 || !strings.Contains(log, fmt.Sprintf("layout %d, this version has %d", info.Version, info.Version-1)) {
		t.Errorf("start number %d, log %q", next.Starts, log)
	}
	booked := func(want uint64) {
		t.Helper()
		p.must(next.CarryOver())
		c, err := ReadCounters(next.Maps["counted_before"], 4, 1)
		p.must(err)
		if got := c[3]; got != (Counter{Bytes: want * uint64(cpus), Packets: uint64(cpus)}) {
			t.Errorf("booked %+v, want %d bytes on each of %d processors", got, want, cpus)
		}
	}
	booked(100)
	counted(150) // the old programs still run
	booked(150)
	booked(150)
	var gotName [MaxName]byte
	p.must(next.Maps["names"].Lookup(uint32(3), &gotName))
	var drops DropCount
	p.must(next.Maps["drops"].Lookup(uint32(3), &drops))
	if gotName != name || drops != (DropCount{Before: 4, Last: 5}) {
		t.Errorf("name %q, drops %+v: not those of before", gotName, drops)
	}
	var index uint32
	for next.Maps["device_free"].LookupAndDelete(nil, &index) == nil {
		if index == 77 {
			t.Error("the index of a known device is free")
		}
	}
	if !next.TakingOver() {
		t.Error("let go of maps that programs still count in")
	}
}

// An agent that died while it took over leaves programs of two tenants: both go on counting, the second has booked what the first had
// counted until then, and there is no way back to the first one's maps, whichever version comes next.
func TestOpenAfterATakeoverThatWasCutShort(t *testing.T) {
	p := newPlane(t)
	layout := func(s *Set, version dataplaneLayoutVersion, starts uint32) {
		t.Helper()
		p.must(s.Maps["layout"].Put(uint32(0), dataplaneLayoutInfo{Version: version, Starts: starts}))
	}
	counted := func(s *Set, bytes uint64) {
		t.Helper()
		p.must(s.Maps["counters"].Put(uint32(3), []Counter{{Bytes: bytes, Packets: bytes / 100}}))
	}
	booked := func(s *Set, bytes uint64) {
		t.Helper()
		p.must(s.CarryOver())
		c, err := ReadCounters(s.Maps["counted_before"], 4, 1)
		p.must(err)
		if want := (Counter{Bytes: bytes, Packets: bytes / 100}); c[3] != want {
			t.Errorf("booked %+v, want %+v", c[3], want)
		}
	}
	const own = dataplaneLayoutVersionLAYOUT
	layout(p.Set, own+1, 7)
	counted(p.Set, 1000)
	second, _ := open(t, attachedTo(t, p.Set))
	booked(second, 1000)
	counted(second, 100)
	counted(p.Set, 1500)
	layout(second, own+2, 8)
	for name, first := range map[string]dataplaneLayoutVersion{"a third version": own + 1, "the first version again": own} {
		t.Run(name, func(t *testing.T) {
			layout(p.Set, first, 7)
			third, _ := open(t, append(attachedTo(t, p.Set), attachedTo(t, second)...))
			if third.Starts != 9 {
				t.Errorf("start number %d, want 9", third.Starts)
			}
			booked(third, 1600)
			again, _ := open(t, slices.Concat(attachedTo(t, p.Set), attachedTo(t, second), attachedTo(t, third)))
			booked(again, 1600)
			counted(p.Set, 1700)
			booked(again, 1800)
			p.must(again.ForgetCounters([]uint32{3}))
			booked(again, 0)
			counted(p.Set, 1900)
			booked(again, 200)
			counted(p.Set, 1500)
		})
	}
}

// A program that is gone, or not ours, leads to no maps.
func TestOpenWithoutOurPrograms(t *testing.T) {
	nettest.Require(t, "root", "bpf")
	next, log := open(t, []ebpf.ProgramID{1 << 30})
	if next.Starts != 1 || !strings.Contains(log, "new_maps") {
		t.Errorf("start number %d, log %q", next.Starts, log)
	}
}

func TestClosed(t *testing.T) {
	p := newPlane(t)
	p.must(p.Close())
	if _, err := p.ProgramFD(venueIn); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}
