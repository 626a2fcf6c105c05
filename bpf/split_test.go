package bpf

import (
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
)

// A superpacket that a leaf would pass whole is sent to be split, once it has its class and is counted; what is longer, a packet that
// stands for itself, and what nobody asked to be split go on.
func TestShortSuperpacketsAreSplit(t *testing.T) {
	const goOn, unspecified, redirect, longest = 0, -1, -1, 1600
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 600)}
	splits := uplinkOut
	splits.Split = longest
	for _, tt := range []struct {
		name    string
		v       Variant
		gsoSize uint32
		length  uint32
		want    int32
	}{
		{"two of 300", splits, 300, 700, redirect},
		{"the longest", splits, 300, longest, redirect},
		{"a byte longer", splits, 300, longest + 1, goOn},
		{"a packet", splits, 0, 700, goOn},
		{"where the link adds nothing", uplinkOut, 300, 700, unspecified},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := p.in(t)
			before := p.counted()
			ret, _, left := p.put(tt.v, pk.bytes(), skBuff{IngressIfindex: venueIfindex, TcIndex: media, GsoSize: tt.gsoSize, GsoSegs: 2, WireLen: tt.length})
			if ret != tt.want {
				t.Errorf("returned %d, want %d", ret, tt.want)
			}
			if want := uint32(RootHandle) + uint32(ClassMinor(media)); left.Priority != want {
				t.Errorf("class %x, want %x", left.Priority, want)
			}
			where := place{uplink: uplinkOut.Uplink, direction: slice.Up, slice: media}
			if counted := p.counted()[where].Bytes - before[where].Bytes; counted != uint64(tt.length) {
				t.Errorf("%d bytes counted, want %d", counted, tt.length)
			}
		})
	}
}
