package bpf

import (
	"testing"

	"github.com/cilium/ebpf"
)

// queueOf is the queue of 8192 that fq_codel puts a packet into, as device and half (0 sparse, 1 heavy).
func queueOf(ctx skBuff) (device uint16, heavy uint8) {
	queue := uint16(uint64(ctx.Hash) * 8192 >> 32)
	return queue >> 1, uint8(queue & 1)
}

// fairHooks sends a flow of a device up, or down, through hooks that choose queues.
func fairHooks(p *plane, pk packet) map[string]func(payload []byte) skBuff {
	out, in := uplinkOut, uplinkIn
	out.Fair, in.Fair = true, true
	outside := translated(pk)
	up := func(payload []byte) skBuff {
		left := p.sent(pk.with(payload))
		ctx := skBuff{TcIndex: left.TcIndex, Mark: left.Mark, Tstamp: left.Tstamp, IngressIfindex: venueIfindex}
		return p.sentAs(out, outside.with(payload).bytes(), ctx)
	}
	down := func(payload []byte) skBuff {
		ret, _, left := p.put(in, outside.with(payload).back().bytes(), skBuff{})
		if ret != actRedirect {
			p.t.Errorf("uplink_in returned %d, want a redirect", ret)
		}
		return left
	}
	return map[string]func([]byte) skBuff{"up": up, "down": down}
}

// A flow is sparse until it sends more than a level that leaks, in that direction, and then for seconds heavy; each device has two
// queues of its own.
func TestQueuesByDeviceAndLevel(t *testing.T) {
	for _, f := range families {
		for _, way := range []string{"up", "down"} {
			t.Run(f.name+"/"+way, func(t *testing.T) {
				p := newPlane(t)
				pk := packet{from: f.from, to: f.to, proto: protoTCP}
				hooks := fairHooks(p, pk)
				first := hooks["up"](nil) // the way out makes the way back known
				_, want := marked(first)
				full := make([]byte, 1000)
				var sparse int
				for range 40 {
					device, heavy := queueOf(hooks[way](full))
					if device != want {
						t.Fatalf("a queue of device %d, want %d", device, want)
					}
					if heavy == 1 {
						break
					}
					sparse++
				}
				// Headers are 54 or 74 bytes.
				if sparse < 14 || sparse > 15 {
					t.Errorf("%d packets of 1000 bytes were sparse, want 16 kB of them", sparse)
				}
				if _, heavy := queueOf(hooks[way](nil)); heavy == 1 {
					t.Error("a pure acknowledgement is heavy")
				}
				other := map[string]string{"up": "down", "down": "up"}[way]
				if _, heavy := queueOf(hooks[other](full)); heavy == 1 {
					t.Error("the other direction is heavy, too")
				}
			})
		}
	}
}

// An hour of silence, or a fraction of a second, leaks what it should; a level has an end.
func TestLevelLeaks(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	up := fairHooks(p, pk)["up"]
	full := make([]byte, 1000)
	for range 100 {
		up(full)
	}
	key := translated(pk).key()
	table := "reverse"
	f := p.flow(table, key)
	if f == nil {
		table = "reverse_new"
		f = p.flow(table, key)
	}
	if f == nil {
		t.Fatal("no entry")
	}
	if f.Level[0] < 60000 || f.Level[1] != 0 {
		t.Errorf("levels %v after 100 kB up, want the highest and 0", f.Level)
	}
	for _, c := range []struct {
		name  string
		ticks uint32 // of 2^16 ns
		heavy uint8
	}{{"a tenth of a second", 1526, 1}, {"three seconds", 45776, 1}, {"four seconds", 61035, 0}, {"an hour", 54931640, 0}, {"less than none, by another CPU's clock", ^uint32(99), 1}} {
		aged := *f
		aged.LevelAt[0] -= c.ticks
		p.must(p.Maps[table].Update(key, aged, ebpf.UpdateExist))
		if _, heavy := queueOf(up(full)); heavy != c.heavy {
			t.Errorf("after %s of silence: heavy is %d, want %d", c.name, heavy, c.heavy)
		}
	}
}

// What the box itself sends has the queues of no device.
func TestQueuesOfTheBoxItself(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 1000)}
	out := uplinkOut
	out.Fair = true
	device, heavy := queueOf(p.sentAs(out, pk.bytes(), skBuff{}))
	for range 40 {
		device, heavy = queueOf(p.sentAs(out, pk.bytes(), skBuff{}))
	}
	if device != 0 || heavy != 1 {
		t.Errorf("device %d, heavy %d: want none, heavy", device, heavy)
	}
}

// cake takes a class's major number for the host, from 1 to 1024.
func TestLeafHost(t *testing.T) {
	p := newPlane(t)
	frame := packet{from: families[0].from, to: families[0].to}.bytes()
	for device, host := range map[uint32]int32{0: 1, 1: 2, 1023: 1024, 1024: 1, 4095: 1024} {
		ret, _, left := p.put(Variant{Role: LeafHost}, frame, skBuff{TcIndex: device<<4 | 3})
		if ret != host<<16 {
			t.Errorf("device %d: class %#x, want %#x", device, ret, host<<16)
		}
		if left.TcIndex != device<<4|3 {
			t.Errorf("device %d: tc_index is %#x now", device, left.TcIndex)
		}
	}
}

// A later fragment has no ports, so no level tells how much its flow sends: it waits with what is heavy, and is its device's even where
// nobody knows its first one.
func TestQueuesOfLaterFragments(t *testing.T) {
	for _, f := range families {
		p := newPlane(t)
		pk := packet{from: f.from, to: f.to, payload: make([]byte, 800), fragment: &fragment{ident: 7, offset: 100}}
		left := p.sent(pk)
		_, want := marked(left)
		if want == 0 {
			t.Errorf("%s: no device", f.name)
		}
		out := uplinkOut
		out.Fair = true
		ctx := skBuff{TcIndex: left.TcIndex, Mark: left.Mark, Tstamp: left.Tstamp, IngressIfindex: venueIfindex}
		if device, heavy := queueOf(p.sentAs(out, pk.bytes(), ctx)); device != want || heavy != 1 {
			t.Errorf("%s: queue %d of device %d, want the heavy one of %d", f.name, heavy, device, want)
		}
	}
}
