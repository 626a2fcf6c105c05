package bpf

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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

// All of a flow that leaves in short superpackets goes the same way from then on, or the rest would overtake them. Other flows do not.
func TestSplitFlowsStayTogether(t *testing.T) {
	const goOn, redirect = 0, -1
	v := uplinkOut
	v.Split = 1600
	p := newPlane(t)
	for _, from := range []struct {
		name string
		ctx  skBuff
	}{
		{"the venue's", skBuff{IngressIfindex: venueIfindex, TcIndex: 9<<4 | media}},
		{"the box's own", skBuff{}},
	} {
		for _, f := range families {
			t.Run(from.name+" "+f.name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: f.from, to: port(f.to, 443), proto: protoTCP, payload: make([]byte, 600)}
				other := pk
				other.from = port(f.from, 4711)
				pair := from.ctx
				pair.GsoSize, pair.GsoSegs = 300, 2
				long := from.ctx
				long.GsoSize, long.GsoSegs, long.WireLen = 300, 20, 7000
				for i, step := range []struct {
					pk   packet
					ctx  skBuff
					want int32
				}{
					{pk, from.ctx, goOn}, {pk, long, goOn}, {pk, pair, redirect}, {pk, from.ctx, redirect}, {pk, long, redirect}, {other, from.ctx, goOn},
				} {
					if ret, _, _ := p.put(v, step.pk.bytes(), step.ctx); ret != step.want {
						t.Errorf("step %d: returned %d, want %d", i, ret, step.want)
					}
				}
				for range 40 { // the entry moves to the other table
					if ret, _, _ := p.put(v, pk.bytes(), from.ctx); ret != redirect {
						t.Fatalf("returned %d, want %d", ret, redirect)
					}
				}
			})
		}
	}
}

// What comes back from the ifb is neither judged nor counted again: the hook asks for the redirect that the kernel skips then.
func TestWhatCameBackGoesOn(t *testing.T) {
	const redirect, back = -1, 0xfff0
	v := uplinkOut
	v.Split = 1600
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 300)}
	ctx := skBuff{IngressIfindex: venueIfindex, TcIndex: media, GsoSize: 300, GsoSegs: 2, WireLen: 700}
	ret, _, left := p.put(v, pk.bytes(), ctx)
	if ret != redirect || left.TcIndex != back {
		t.Fatalf("sent: returned %d with tc_index %x", ret, left.TcIndex)
	}
	counted := p.counted()
	ret, _, left = p.put(v, pk.bytes(), skBuff{TcIndex: back, Priority: 7})
	if ret != redirect || left.Priority != 7 {
		t.Errorf("back: returned %d, with class %x", ret, left.Priority)
	}
	if diff := cmp.Diff(counted, p.counted()); diff != "" {
		t.Errorf("counted twice (-want +got)\n%s", diff)
	}
}
