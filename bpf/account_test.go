package bpf

import (
	"errors"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/slice"
)

// place is where a packet is counted.
type place struct {
	uplink     uint8
	direction  slice.Direction
	slice      uint8
	experience uint8
}

func (w place) index() uint32 {
	return ((uint32(w.experience)*uint32(MaxUplinks)+uint32(w.uplink))*2+uint32(w.direction))*uint32(MaxSlices) + uint32(w.slice)
}

// counted reads what was counted, everywhere.
func (p *plane) counted() map[place]Counter {
	p.t.Helper()
	cpus := ebpf.MustPossibleCPU()
	n := MaxExperiences * MaxUplinks * 2 * MaxSlices
	indexes, values := make([]uint32, n), make([]Counter, n*cpus)
	var cursor ebpf.MapBatchCursor
	if _, err := p.Maps["counters"].BatchLookup(&cursor, indexes, values, nil); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		p.t.Fatal(err)
	}
	all := make(map[place]Counter)
	for i, index := range indexes {
		var sum Counter
		for _, part := range values[i*cpus : (i+1)*cpus] {
			sum.Bytes += part.Bytes
			sum.Packets += part.Packets
		}
		if sum == (Counter{}) {
			continue
		}
		w := place{
			slice:      uint8(index % uint32(MaxSlices)),
			direction:  slice.Direction(index / uint32(MaxSlices) % 2),
			uplink:     uint8(index / uint32(2*MaxSlices) % uint32(MaxUplinks)),
			experience: uint8(index / uint32(2*MaxSlices*MaxUplinks)),
		}
		if w.index() != index {
			p.t.Fatalf("place %+v is at %d, not at %d", w, w.index(), index)
		}
		all[w] = sum
	}
	return all
}

func count(bytes, packets uint64) Counter { return Counter{Bytes: bytes, Packets: packets} }

// Bytes are those of the link, a batch counts as its packets, and both go to uplink, direction, slice and payer.
func TestCounters(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 58)} // a frame of 100 bytes
	frame := pk.bytes()
	last := uplinkOut
	last.Uplink = 7
	unshapedIn, unshapedOut := uplinkIn, uplinkOut
	unshapedIn.Shaped, unshapedOut.Shaped = false, false
	tests := []struct {
		name string
		v    Variant
		ctx  skBuff
		want place
		add  Counter
	}{
		{"egress", uplinkOut, skBuff{}, place{2, slice.Up, media, 0}, count(100, 1)},
		{"egress with more on the wire", uplinkOut, skBuff{WireLen: 124}, place{2, slice.Up, media, 0}, count(124, 1)},
		{"egress of a batch", uplinkOut, skBuff{WireLen: 9000, GsoSegs: 6, GsoSize: 1400}, place{2, slice.Up, media, 0}, count(9000, 6)},
		{"egress of a payer's", uplinkOut, skBuff{IngressIfindex: venueIfindex, TcIndex: 5<<4 | realtime, Mark: 0xff<<24 | 9},
			place{2, slice.Up, realtime, 255}, count(100, 1)},
		{"egress of the last slice", uplinkOut, skBuff{IngressIfindex: venueIfindex, TcIndex: 15}, place{2, slice.Up, 15, 0}, count(100, 1)},
		{"egress of another uplink", last, skBuff{}, place{7, slice.Up, media, 0}, count(100, 1)},
		{"egress without a tree", unshapedOut, skBuff{}, place{2, slice.Up, media, 0}, count(100, 1)},
		{"ifb", ifbOut, skBuff{TcIndex: telemetry, Mark: 7 << 24}, place{2, slice.Down, telemetry, 7}, count(100, 1)},
		{"ifb of a batch", ifbOut, skBuff{TcIndex: telemetry, GsoSegs: 40}, place{2, slice.Down, telemetry, 0}, count(100, 40)},
		{"ifb without a slice", ifbOut, skBuff{}, place{2, slice.Down, media, 0}, count(100, 1)},
		{"ingress without a tree", unshapedIn, skBuff{}, place{2, slice.Down, media, 0}, count(100, 1)},
	}
	want := make(map[place]Counter)
	for _, test := range tests {
		p.forget() // the same tuple is another device's each time
		p.put(test.v, frame, test.ctx)
		sum := want[test.want]
		want[test.want] = count(sum.Bytes+test.add.Bytes, sum.Packets+test.add.Packets)
		if diff := cmp.Diff(want, p.counted()); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", test.name, diff)
		}
	}
	p.put(venueIn, frame, skBuff{})
	p.put(uplinkIn, frame, skBuff{})
	p.put(venueOut, frame, skBuff{})
	if diff := cmp.Diff(want, p.counted()); diff != "" {
		t.Errorf("hooks that shape nothing count (-want +got)\n%s", diff)
	}
}

// Each device has its bytes by direction, and the time when it was last seen, by uplink, direction and slice.
func TestDevicesAreCounted(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[1].from, to: families[1].to, payload: make([]byte, 38)} // a frame of 100 bytes
	const last = 4095
	p.sentAs(uplinkOut, pk.bytes(), skBuff{IngressIfindex: venueIfindex, TcIndex: last<<4 | realtime, WireLen: 104})
	p.sentAs(ifbOut, pk.bytes(), skBuff{TcIndex: last<<4 | signalling, WireLen: 300})
	p.sentAs(ifbOut, pk.bytes(), skBuff{TcIndex: signalling})
	var parts []DirectionBytes
	p.must(p.Maps["device_bytes"].Lookup(uint32(last), &parts))
	var got DirectionBytes
	for _, part := range parts {
		got.Bytes[0] += part.Bytes[0]
		got.Bytes[1] += part.Bytes[1]
	}
	if want := (DirectionBytes{Bytes: [2]uint64{104, 300}}); got != want {
		t.Errorf("device's bytes %v, want %v", got, want)
	}
	var seen LastSeen
	p.must(p.Maps["device_seen"].Lookup(uint32(last), &seen))
	for uplink, directions := range seen.At {
		for direction, slices := range directions {
			for s, at := range slices {
				want := uplink == 2 && (direction == 0 && s == realtime || direction == 1 && s == signalling)
				if (at != 0) != want {
					t.Errorf("uplink %d, direction %d, slice %d: last seen %d", uplink, direction, s, at)
				}
			}
		}
	}
	p.must(p.Maps["device_bytes"].Lookup(uint32(0), &parts))
	for _, part := range parts {
		if part != (DirectionBytes{}) {
			t.Errorf("nobody has bytes: %v", part)
		}
	}
}

// onOneProcessor keeps the test on the processor that it is on.
func onOneProcessor(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked, so that nobody inherits the thread
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
}

// Every packet of signalling and realtime has its delay measured, one in 16 of the others and of their batches; where it is not, no stamp is
// left. Of bursts of 16 it is not always the same one.
func TestStamps(t *testing.T) {
	onOneProcessor(t) // each counts for itself
	p := newPlane(t)
	frame := packet{from: families[0].from, to: families[0].to}.bytes()
	const sent, burst = 256, 16
	for _, test := range []struct {
		name string
		v    Variant
		ctx  skBuff
		want int
	}{
		{"realtime up", uplinkOut, skBuff{IngressIfindex: venueIfindex, TcIndex: realtime, Tstamp: 3}, sent},
		{"signalling down", ifbOut, skBuff{TcIndex: signalling}, sent},
		{"media up", uplinkOut, skBuff{Tstamp: 1 << 60}, sent / 16},
		{"media down", ifbOut, skBuff{TcIndex: media, Tstamp: 1 << 60}, sent / 16},
		{"batches of 21", ifbOut, skBuff{TcIndex: telemetry, GsoSegs: 21}, sent / 16},
		{"batches of 34", ifbOut, skBuff{TcIndex: telemetry, GsoSegs: 34}, sent / 16},
		{"batches of 40", ifbOut, skBuff{TcIndex: telemetry, GsoSegs: 40}, sent / 16},
	} {
		stamped, last, longest, places := 0, 0, 0, make(map[int]int)
		for n := range sent {
			p.forget()
			_, _, left := p.put(test.v, frame, test.ctx)
			switch {
			case left.Tstamp == 0:
			case left.Tstamp < 1<<26 || left.Tstamp == test.ctx.Tstamp:
				t.Errorf("%s: the stamp it came with, %d, is left", test.name, left.Tstamp)
			default:
				stamped++
				places[n%burst]++
				last, longest = n, max(longest, n-last)
			}
		}
		if (test.want == sent) != (stamped == sent) || stamped < test.want/2 || stamped > 2*test.want || longest > sent/3 {
			t.Errorf("%s: %d of %d are measured, %d at most apart, want %d", test.name, stamped, sent, longest, test.want)
		}
		if test.ctx.GsoSegs == 0 && len(places) < burst/2 {
			t.Errorf("%s: of each burst of %d the same %d are measured", test.name, burst, len(places))
		}
	}
}

// Where a direction is not shaped, packets go their way: no class, no redirect, and the pacing of the box's own senders stays.
func TestUnshaped(t *testing.T) {
	p := newPlane(t)
	frame := packet{from: families[0].from, to: families[0].to}.bytes()
	in, out := uplinkIn, uplinkOut
	in.Shaped, out.Shaped = false, false
	ret, _, left := p.put(in, frame, skBuff{Priority: 6})
	if ret != actPass || left.Priority != 6 || sliceOf(left) != media {
		t.Errorf("uplink_in returned %d, priority %#x, slice %d", ret, left.Priority, sliceOf(left))
	}
	_, _, left = p.put(out, frame, skBuff{Priority: 6, Tstamp: 1 << 60})
	if left.Priority != 6 || left.Tstamp != 1<<60 {
		t.Errorf("uplink_out left priority %#x and stamp %d", left.Priority, left.Tstamp)
	}
}

// Towards the venue nothing of ours is left, and nothing of others' is touched.
func TestVenueEgressCleansUp(t *testing.T) {
	p := newPlane(t)
	frame := packet{from: families[0].to, to: families[0].from}.bytes()
	for _, test := range []struct {
		name      string
		ctx       skBuff
		priority  uint32
		timestamp uint64
	}{
		{"forwarded", skBuff{IngressIfindex: 2, Priority: RootHandle | 0x12, Tstamp: 1 << 50}, 0, 0},
		{"somebody's class", skBuff{IngressIfindex: 2, Priority: 0x10012}, 0x10012, 0},
		{"a socket's priority", skBuff{IngressIfindex: 2, Priority: 6}, 6, 0},
		{"the box's own, paced", skBuff{Tstamp: 1 << 50}, 0, 1 << 50},
	} {
		_, out, left := p.put(venueOut, frame, test.ctx)
		if left.Priority != test.priority || left.Tstamp != test.timestamp {
			t.Errorf("%s: priority %#x, stamp %d; want %#x, %d", test.name, left.Priority, left.Tstamp, test.priority, test.timestamp)
		}
		if diff := cmp.Diff(frame, out); diff != "" {
			t.Errorf("%s: frame (-want +got)\n%s", test.name, diff)
		}
	}
}

// The payer lives in our bits of the mark alone, and always replaces what was in them.
func TestMarkMask(t *testing.T) {
	p := newPlane(t)
	p.rules(nil, map[string]uint8{"10.9.4.0/24": 0xa5})
	pk := packet{from: families[0].from, to: families[0].to}
	nobody := packet{from: addr("10.9.5.1:1"), to: families[0].to}
	for mask, want := range map[uint32][2]uint32{
		0xff000000: {0xa5345678, 0x00345678},
		0x00ff0000: {0x12a55678, 0x12005678},
		0x000000ff: {0x123456a5, 0x12345600},
		0x0003fc00: {0x12369678, 0x12340278},
		0:          {0x12345678, 0x12345678},
	} {
		for _, v := range []Variant{venueIn, uplinkIn} {
			v.MarkMask = mask
			frames := [2][]byte{pk.bytes(), nobody.bytes()}
			if v.Role == UplinkIngress {
				frames = [2][]byte{pk.back().bytes(), nobody.back().bytes()}
			}
			for i, frame := range frames {
				if _, _, left := p.put(v, frame, skBuff{Mark: 0x12345678}); left.Mark != want[i] {
					t.Errorf("%s, mask %#x: mark %#x, want %#x", v.Role, mask, left.Mark, want[i])
				}
			}
		}
		if mask == 0 {
			continue
		}
		out := ifbOut
		out.MarkMask = mask
		before := p.counted()[place{2, slice.Down, media, 0xa5}]
		p.put(out, pk.back().bytes(), skBuff{TcIndex: media, Mark: want[0]})
		if after := p.counted()[place{2, slice.Down, media, 0xa5}]; after.Packets != before.Packets+1 {
			t.Errorf("mask %#x: the payer was not read", mask)
		}
	}
}

// Each program counts what it sees, and each verdict of a flow is counted once.
func TestHooksAndReasons(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	payloads := append(times(10, make([]byte, 30)), stream(20, 1, 1, 160)...)
	for _, payload := range payloads {
		p.forwarded(pk.with(payload), translated(pk.with(payload)))
	}
	if in, out := p.sum("hooks", uint32(venueIn.Hook)), p.sum("hooks", uint32(uplinkOut.Hook)); in != 30 || out != 30 {
		t.Errorf("hooks saw %d and %d packets, want 30", in, out)
	}
	got := make(map[Rank]uint64)
	for rank := range RankCount {
		if n := p.sum("classified", uint32(rank)); n > 0 {
			got[rank] = n
		}
	}
	if diff := cmp.Diff(map[Rank]uint64{RankDefault: 1, RankStructure: 1}, got); diff != "" {
		t.Errorf("verdicts (-want +got)\n%s", diff)
	}
}
