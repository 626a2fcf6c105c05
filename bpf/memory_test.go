package bpf

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// What all maps may hold of the kernel's memory: a part that is the same everywhere, and one for each CPU that may come.
const (
	boundMemory    = 39 << 20 // bytes
	boundMemoryCPU = 2 << 20
)

// memory is what the kernel charges for each map, by name, bytes. Nothing may grow but prefixes, which the operator writes.
func (p *plane) memory() map[string]uint64 {
	p.t.Helper()
	charged := make(map[string]uint64)
	for name, m := range p.Maps {
		info, err := m.Info()
		p.must(err)
		if info.Flags&unix.BPF_F_NO_PREALLOC != 0 && name != "prefixes" {
			p.t.Errorf("map %s takes its memory by the entry, and traffic could make it grow", name)
		}
		n, ok := info.Memlock()
		if !ok {
			p.t.Errorf("the kernel does not say what map %s takes", name)
		}
		charged[name] = n
	}
	return charged
}

// The tables for 65,536 flows on both sides of NAT and 4,096 devices, all counters, and as many prefixes as there may be.
func TestMemoryIsBounded(t *testing.T) {
	p := newPlane(t)
	for n := range MaxPrefixes {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0}), 24)
		p.must(p.Maps["prefixes"].Put(PrefixKeyOf(subnet), Prefix{}))
	}
	charged := p.memory()
	var sum uint64
	for _, name := range slices.SortedFunc(maps.Keys(charged), func(a, b string) int { return cmp.Compare(charged[b], charged[a]) }) {
		sum += charged[name]
		t.Logf("%-16s %6d KiB", name, charged[name]>>10)
	}
	cpus := ebpf.MustPossibleCPU()
	t.Logf("%-16s %6d KiB, with %d possible CPUs", "all maps", sum>>10, cpus)
	if most := uint64(boundMemory + cpus*boundMemoryCPU); sum > most {
		t.Errorf("all maps take %d bytes, want at most %d with %d possible CPUs", sum, most, cpus)
	}
}
