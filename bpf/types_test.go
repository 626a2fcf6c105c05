package bpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/slice"
)

func TestKeyOf(t *testing.T) {
	mapped := func(a, b, c, d byte) [16]byte { return [16]byte{10: 0xff, 0xff, a, b, c, d} }
	for _, test := range []struct {
		name string
		flow slice.Flow
		want FlowKey
	}{
		{"ipv4", slice.Flow{Proto: slice.UDP, Local: addr("10.0.0.1:5004"), Remote: addr("192.0.2.1:53")},
			FlowKey{Local: mapped(10, 0, 0, 1), Remote: mapped(192, 0, 2, 1), LocalPort: 5004, RemotePort: 53, Proto: 17}},
		{"ipv6", slice.Flow{Proto: slice.TCP, Local: addr("[2001:db8::1]:1"), Remote: addr("[2001:db8::2]:65535")},
			FlowKey{Local: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, Remote: [16]byte{0x20, 1, 0xd, 0xb8, 15: 2}, LocalPort: 1, RemotePort: 65535, Proto: 6}},
		{"any peer", slice.Flow{Proto: slice.UDP, Local: addr("10.0.0.1:3478")},
			FlowKey{Local: mapped(10, 0, 0, 1), LocalPort: 3478, Proto: 17}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, KeyOf(test.flow)); diff != "" {
				t.Errorf("key (-want +got)\n%s", diff)
			}
			if test.flow.Remote.IsValid() && FlowOf(KeyOf(test.flow)) != test.flow {
				t.Errorf("back: %+v", FlowOf(KeyOf(test.flow)))
			}
		})
	}
}

func TestPrefixKeyOf(t *testing.T) {
	for prefix, bits := range map[string]uint32{"0.0.0.0/0": 96, "10.9.4.0/24": 120, "192.0.2.1/32": 128, "::/0": 0, "2001:db8::/32": 32} {
		key := PrefixKeyOf(netip.MustParsePrefix(prefix))
		if key.Bits != bits || key.Addr != netip.MustParsePrefix(prefix).Addr().As16() {
			t.Errorf("%s: %+v, want %d bits", prefix, key, bits)
		}
	}
}

// The contract's words.
func TestWords(t *testing.T) {
	for rank, want := range map[Rank]string{
		RankPin: "pin", RankRule: "rule", RankStructure: "structure", RankProvisional: "structure", RankName: "name",
		RankBehaviour: "behaviour", RankDefault: "default", RankNone: "default",
	} {
		if got := Reason(rank); got != want {
			t.Errorf("rank %d: %q, want %q", rank, got, want)
		}
	}
	seen := make(map[string]bool)
	for kind := range Kind(len(kindNames)) {
		if name := KindName(kind); name == "" || seen[name] {
			t.Errorf("kind %d: name %q is empty or another's", kind, name)
		} else {
			seen[name] = true
		}
	}
	if got := KindName(Kind(len(kindNames))); got != "unknown" {
		t.Errorf("a kind of another version is %q", got)
	}
}

// A filter's name tells variants and versions apart.
func TestVariantNames(t *testing.T) {
	names := make(map[string]Variant)
	for _, v := range []Variant{
		{}, {Uplink: 1}, {Hook: 1}, {RawIP: true}, {ByAddress: true}, {WriteDSCP: true}, {Shaped: true}, {Dry: true}, {MarkMask: 1},
		{Role: UplinkEgress}, {Role: UplinkIngress}, {Role: IfbEgress}, {Role: VenueEgress},
	} {
		name := v.Name()
		if other, ok := names[name]; ok {
			t.Errorf("%+v and %+v are both %s", v, other, name)
		}
		names[name] = v
		if !Ours(name) || name != v.Name() {
			t.Errorf("name %s is not stable, or not ours", name)
		}
	}
	for _, name := range []string{"", "sliced", "venue_in", "cls_sliced/"} {
		if Ours(name) {
			t.Errorf("%q is ours", name)
		}
	}
}

// Buckets follow each other without a gap, and are at most a sixteenth wide.
func TestBucketBounds(t *testing.T) {
	next := time.Duration(0)
	for i := range DelayBuckets {
		low, high := BucketBounds(i)
		if low != next || high <= low {
			t.Fatalf("bucket %d is from %v to %v, the one before ended at %v", i, low, high, next)
		}
		if low >= 16*time.Microsecond && (high-low)*16 > low {
			t.Errorf("bucket %d is from %v to %v", i, low, high)
		}
		next = high
	}
	if next != 1<<26*time.Microsecond {
		t.Errorf("the last bucket ends at %v", next)
	}
}
