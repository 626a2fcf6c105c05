package bpf

import (
	"errors"
	"fmt"
	"log/slog"
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

// Maps of another layout are left alone, and new ones made: the log says so.
func TestOpenOfAnotherLayout(t *testing.T) {
	p := newPlane(t)
	info := dataplaneLayoutInfo{Version: dataplaneLayoutVersionLAYOUT + 1, Starts: 7}
	p.must(p.Maps["layout"].Put(uint32(0), info))
	next, log := open(t, attachedTo(t, p.Set))
	if next.Starts != 1 || !strings.Contains(log, "new_maps") || !strings.Contains(log, fmt.Sprintf("layout %d, this version has %d", info.Version, info.Version-1)) {
		t.Errorf("start number %d, log %q", next.Starts, log)
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
