package shaper

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

func newTestCounters(t *testing.T) (*counters, *bpf.Set) {
	t.Helper()
	set := newSet(t)
	c, err := newCounters(set)
	if err != nil {
		t.Fatal(err)
	}
	return c, set
}

func TestDropsOutliveTheirQdisc(t *testing.T) {
	c, set := newTestCounters(t)
	k := Key{Uplink: 1, Direction: slice.Down, Slice: 3}
	book := func(shown uint64) (uint64, error) {
		c.booking.Lock()
		defer c.booking.Unlock()
		return c.bookLocked(k, shown)
	}
	steps := []struct {
		name        string
		shown, want uint64
	}{
		{"first reading", 10, 10},
		{"more", 25, 25},
		{"a new qdisc", 3, 28},
		{"more of the new one", 4, 29},
	}
	for _, s := range steps {
		got, err := book(s.shown)
		if err != nil || got != s.want {
			t.Errorf("%s: %d drops, want %d (%v)", s.name, got, s.want, err)
		}
		if got, err := c.dropped(k); err != nil || got != s.want {
			t.Errorf("%s, read again: %d drops, want %d (%v)", s.name, got, s.want, err)
		}
	}
	if err := c.wipe(func(_ int, o Key) bool { return o == k }); err != nil {
		t.Fatal(err)
	}
	if got, err := book(6); err != nil || got != 2 {
		t.Errorf("after the number changed hands: %d drops, want 2 (%v)", got, err)
	}
	next, err := newCounters(set)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := next.dropped(k); err != nil || got != 2 {
		t.Errorf("read by the agent after this one: %d drops, want 2 (%v)", got, err)
	}
}

// What could not be written is booked with the next look.
func TestDropsThatCouldNotBeWritten(t *testing.T) {
	c, set := newTestCounters(t)
	k := Key{Slice: 2}
	c.booking.Lock()
	defer c.booking.Unlock()
	if _, err := c.bookLocked(k, 5); err != nil {
		t.Fatal(err)
	}
	closed, err := set.Maps["drops"].Clone()
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	c.dropMap = closed
	if _, err := c.bookLocked(k, 8); err == nil {
		t.Error("written to a closed map")
	}
	c.dropMap = set.Maps["drops"]
	if got, err := c.bookLocked(k, 8); err != nil || got != 8 {
		t.Errorf("%d drops, want 8 (%v)", got, err)
	}
	var written bpf.DropCount
	if err := c.dropMap.Lookup(k.index(), &written); err != nil || written.Last != 8 {
		t.Errorf("the kernel has %d, want 8 (%v)", written.Last, err)
	}
}

func TestOfferedIsByPayer(t *testing.T) {
	c, set := newTestCounters(t)
	k := Key{Uplink: 7, Direction: slice.Down, Slice: 15}
	write := func(experience int, k Key, bytes uint64) {
		perCPU := make([]bpf.Counter, c.cpus)
		for i := range perCPU {
			perCPU[i] = bpf.Counter{Bytes: bytes, Packets: 1}
		}
		if err := set.Maps["counters"].Put(uint32(experience*perExperience)+k.index(), perCPU); err != nil {
			t.Fatal(err)
		}
	}
	write(0, k, 100)
	write(255, k, 50)
	write(255, Key{}, 1)
	offered, err := c.offered(255)
	if err != nil {
		t.Fatal(err)
	}
	cpus := uint64(c.cpus)
	want := map[int]Count{0: {100 * cpus, cpus}, 255: {50 * cpus, cpus}}
	got := make(map[int]Count)
	for e, counts := range offered {
		if n := counts[k.index()]; n != (Count{}) {
			got[e] = n
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := c.wipe(func(e int, _ Key) bool { return e == 255 }); err != nil {
		t.Fatal(err)
	}
	if offered, err = c.offered(255); err != nil {
		t.Fatal(err)
	}
	if offered[255][k.index()] != (Count{}) || offered[0][k.index()] == (Count{}) {
		t.Errorf("after experience 255 changed hands: %v and %v", offered[255][k.index()], offered[0][k.index()])
	}
}

// What an experience paid for stays in its slice's total when nobody pays by that name any more.
func TestTotalKeepsFormerExperiences(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Experiences[0].Number = 1 // as the names map gives it
	b.start(cfg)
	const packets = 50
	b.move(packets)
	total := func(when string) (sum uint64, payers int) {
		t.Helper()
		m, err := b.shaper.Measure(false)
		must(t, err)
		for _, s := range m.Slices {
			if s.Direction == slice.Up {
				sum += s.Total.Packets
				payers += len(s.ByPayer)
			}
		}
		if sum < packets {
			t.Errorf("%s: %d packets up, want at least the %d that were sent", when, sum, packets)
		}
		return sum, payers
	}
	if _, payers := total("at first"); payers < 1 {
		t.Fatal("no experience paid")
	}
	cfg.Experiences = nil
	must(t, b.shaper.Set(t.Context(), cfg))
	total("without the experience")
	b.stop()
	b.start(cfg)
	total("after a restart")
}

func TestDevicesAreThoseOfTheLastSeconds(t *testing.T) {
	c, set := newTestCounters(t)
	now, err := coarseSeconds()
	if err != nil {
		t.Fatal(err)
	}
	k := Key{Uplink: 2, Direction: slice.Up, Slice: 1}
	for device, age := range map[uint32]uint16{1: 0, 2: 8, devicesAtOnce: 10, 4095: 4, 3: 12, 4: 3000} {
		var seen bpf.LastSeen
		seen.At[k.Uplink][k.Direction][k.Slice] = now - age
		if err := set.Maps["device_seen"].Put(device, seen); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.devicesAt(now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[Key]int{k: 4}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Every status counts devices, once a second while somebody watches: the whole map, 2 MB, as fresh memory each time was most of what
// a status cost.
func TestCountingDevicesTakesLittleMemory(t *testing.T) {
	c, _ := newTestCounters(t)
	const rounds, most = 10, 256 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		if _, err := c.devices(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / rounds; bytes > most {
		t.Errorf("a count allocates %d bytes, want at most %d", bytes, most)
	}
}

func TestRecycledDevices(t *testing.T) {
	c, set := newTestCounters(t)
	d := newDevices(set, c.cpus)
	const now = uint64(time.Hour) // since the machine was started
	const venue, gone = 7, 8
	add := func(n int, index uint16, seen uint64) {
		key := bpf.DeviceKey{Ifindex: venue, Addr: [16]byte{byte(n), byte(n >> 8)}}
		if n == 0 {
			key.Ifindex = gone
		}
		if err := set.Maps["devices"].Put(key, bpf.Device{Seen: seen, Index: index}); err != nil {
			t.Fatal(err)
		}
	}
	add(1, 1, now)
	add(2, 2, now-uint64(awayAWhile))
	if freed, err := d.recycle(now, []uint32{venue}); err != nil || freed != 0 {
		t.Errorf("with few devices freed %d (%v), want none", freed, err)
	}
	for i := 3; i <= mostDevices+1; i++ {
		add(i, uint16(i), now+uint64(time.Hour))
	}
	if freed, err := d.recycle(now, []uint32{venue}); err != nil || freed != 1 {
		t.Errorf("with most indexes taken freed %d (%v), want the one that is away", freed, err)
	}
	var index, last uint32
	for set.Maps["device_free"].LookupAndDelete(nil, &index) == nil {
		last = index
	}
	if last != 2 {
		t.Errorf("the last free index is %d, want the recycled 2", last)
	}
	add(0, 3000, now) // its interface went
	if freed, err := d.recycle(now, nil); err != nil || freed != 0 {
		t.Errorf("without a venue freed %d (%v), want none", freed, err)
	}
	if freed, err := d.recycle(now, []uint32{venue}); err != nil || freed != 1 {
		t.Errorf("after an interface went freed %d (%v), want its device", freed, err)
	}
}
