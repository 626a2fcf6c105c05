package bpf

import (
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/internal/slice"
)

// queueOf is the queue of 8192 that fq_codel puts a packet into, as device and which of its two.
func queueOf(ctx skBuff) (device uint16, half uint8) {
	queue := uint16(uint64(ctx.Hash) * 8192 >> 32)
	return queue >> 1, uint8(queue & 1)
}

// Hooks that choose queues.
var (
	fairOut = fair(uplinkOut)
	fairIn  = fair(uplinkIn)
)

func fair(v Variant) Variant {
	v.Fair = true
	return v
}

// fairHooks sends a flow of a device up, or down, through hooks that choose queues.
func fairHooks(p *plane, pk packet) map[string]func(payload []byte) skBuff {
	outside := translated(pk)
	up := func(payload []byte) skBuff {
		left := p.sent(pk.with(payload))
		ctx := skBuff{TcIndex: left.TcIndex, Mark: left.Mark, Tstamp: left.Tstamp, IngressIfindex: venueIfindex}
		return p.sentAs(fairOut, outside.with(payload).bytes(), ctx)
	}
	down := func(payload []byte) skBuff {
		ret, _, left := p.put(fairIn, outside.with(payload).back().bytes(), skBuff{})
		if ret != actRedirect {
			p.t.Errorf("uplink_in returned %d, want a redirect", ret)
		}
		return left
	}
	return map[string]func([]byte) skBuff{"up": up, "down": down}
}

// crowd is a device whose flows differ in the port they go to, sending one way through hooks that choose queues.
type crowd struct {
	p        *plane
	from, to netip.AddrPort
	way      slice.Direction
}

// newFairPlane is a plane where no time passes: a queue that gets nothing for a tenth of a second is idle, and a level leaks.
func newFairPlane(t *testing.T) *plane {
	t.Helper()
	p := newPlane(t)
	p.stopClock()
	return p
}

// crowds runs a test with a device of its own for each family and direction.
func crowds(t *testing.T, test func(t *testing.T, c crowd)) {
	for _, f := range families {
		for _, way := range []slice.Direction{slice.Up, slice.Down} {
			t.Run(f.name+"/"+way.String(), func(t *testing.T) { test(t, crowd{newFairPlane(t), f.from, f.to, way}) })
		}
	}
}

func (c crowd) packet(n uint16) packet {
	return packet{from: c.from, to: port(c.to, n), proto: protoTCP}
}

// device begins a flow, and gives the device's index.
func (c crowd) device() uint16 {
	c.p.t.Helper()
	_, device := marked(c.p.sent(c.packet(9000)))
	return device
}

// flow begins a flow and gives a way to send more of it, bytes of payload each; it returns which of the device's queues that is in.
func (c crowd) flow(port uint16) (send func(size int) uint8) {
	c.p.t.Helper()
	hooks, want := fairHooks(c.p, c.packet(port)), c.device()
	hooks["up"](nil) // the way out makes the way back known
	return func(size int) uint8 {
		c.p.t.Helper()
		device, half := queueOf(hooks[c.way.String()](make([]byte, size)))
		if device != want {
			c.p.t.Fatalf("a queue of device %d, want %d", device, want)
		}
		return half
	}
}

// silent lets a tenth of a second have passed since a packet joined the device's heavy queue.
func (c crowd) silent() {
	c.p.t.Helper()
	c.p.changeQueues(c.device(), c.way, func(last uint16) uint16 { return last - 7*busyTick })
}

// aged lets a flow have been silent, ticks of 2^16 ns.
func (p *plane) aged(key FlowKey, way slice.Direction, ticks uint32) {
	p.t.Helper()
	table, f := p.reverseFlow(key)
	f.LevelAt[way] -= ticks
	p.must(p.Maps[table].Update(key, *f, ebpf.UpdateExist))
}

// reverseFlow finds what the uplink knows of a flow, and in which table.
func (p *plane) reverseFlow(key FlowKey) (table string, f *Flow) {
	p.t.Helper()
	for _, table := range []string{"reverse", "reverse_new"} {
		if f := p.flow(table, key); f != nil {
			return table, f
		}
	}
	p.t.Fatal("no entry of the flow")
	return "", nil
}

// What a device's queues in a slice are known by, as in fair.h.
const (
	sparseQueue = 1
	hasHeavy    = 2
	busyTick    = 4
)

// queues is what is known of a device's queues of media.
func (p *plane) queues(device uint16, way slice.Direction) uint16 {
	p.t.Helper()
	var queues dataplaneHeavyQueues
	p.must(p.Maps["device_queues"].Lookup(uint32(device), &queues))
	return queues.Last[way][media]
}

// changeQueues changes what is known of a device's queues in each slice.
func (p *plane) changeQueues(device uint16, way slice.Direction, change func(last uint16) uint16) {
	p.t.Helper()
	var queues dataplaneHeavyQueues
	p.must(p.Maps["device_queues"].Lookup(uint32(device), &queues))
	for slice, last := range queues.Last[way] {
		queues.Last[way][slice] = change(last)
	}
	p.must(p.Maps["device_queues"].Put(uint32(device), queues))
}

// all sends n packets and fails where one is not in the queue that it should be in.
func all(t *testing.T, send func(int) uint8, n int, want uint8, what string) {
	t.Helper()
	for i := range n {
		if half := send(1000); half != want {
			t.Fatalf("%s: packet %d is in queue %d, want %d", what, i, half, want)
		}
	}
}

// A flow that turns heavy has packets waiting, so it stays in its queue; what sends little, or acknowledges, leaves for the device's
// other one. Each direction is on its own.
func TestQueueTurnsHeavyWithItsFlow(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, calm := c.flow(9001), c.flow(9002)
		all(t, bulk, 15, 0, "the bulk")
		if queues := c.p.queues(c.device(), c.way); queues&hasHeavy != 0 {
			t.Errorf("15 kB are a heavy flow: %#x", queues)
		}
		all(t, bulk, 40, 0, "the heavy flow")
		if queues := c.p.queues(c.device(), c.way); queues&hasHeavy == 0 {
			t.Errorf("55 kB are no heavy flow: %#x", queues)
		}
		if bulk(0) != 1 {
			t.Error("a pure acknowledgement waits with what is heavy")
		}
		if calm(100) != 1 {
			t.Error("a flow that sends little waits with what is heavy")
		}
		c.way = 1 - c.way
		if c.flow(9003)(1000) != 0 {
			t.Error("the other direction's queue is heavy, too")
		}
	})
}

// What sends little does not wait behind a burst. That stays where it is, and other bursts of the device follow it, or what turns heavy.
func TestBurstHasAQueueToItself(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		burst, calm, bulk := c.flow(9001), c.flow(9002), c.flow(9003)
		all(t, burst, 4, 0, "four packets")
		all(t, calm, 1, 0, "what sends little, beside four packets")
		all(t, burst, 8, 0, "a burst")
		all(t, calm, 1, 1, "what sends little, beside a burst")
		all(t, bulk, 7, 1, "seven packets of another")
		all(t, bulk, 30, 0, "the other's burst, which turns heavy")
		all(t, burst, 30, 0, "the first, which turns heavy, too")
		all(t, c.flow(9004), 5, 1, "the beginning of a third")
	})
}

// Bursts that begin together stay together: roles change once.
func TestBurstsThatBeginTogether(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		parts, calm := []func(int) uint8{c.flow(9001), c.flow(9002), c.flow(9003)}, c.flow(9009)
		for n := range 14 {
			for _, part := range parts {
				all(t, part, 1, 0, "a part of a page")
			}
			if n >= 8 && calm(0) != 1 {
				t.Fatalf("what sends little waits with parts of a page, after %d packets of each", n)
			}
		}
	})
}

// Beside a heavy flow of its device a burst is served first, up to 16 kB.
func TestBurstBesideAHeavyFlow(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, burst := c.flow(9001), c.flow(9002)
		all(t, bulk, 20, 0, "the bulk")
		all(t, burst, 15, 1, "a burst")
		all(t, bulk, 1, 0, "the bulk, afterwards")
		all(t, c.flow(9003), 1, 1, "what sends little")
	})
}

// Another processor may have looked at its clock a moment later: the queue that it has just sent to is not idle for that.
func TestQueueOfATickAhead(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, next := c.flow(9001), c.flow(9002)
		all(t, bulk, 20, 0, "the first")
		c.p.changeQueues(c.device(), c.way, func(last uint16) uint16 { return last + busyTick })
		all(t, next, 15, 1, "the second, sparse")
		next(1000)
		all(t, next, 5, 0, "the second, heavy")
	})
}

// Acknowledgements are no load: what follows them in their flow is not heavy.
func TestAcknowledgementsCountForNothing(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, browser := c.flow(9001), c.flow(9002)
		all(t, bulk, 20, 0, "the bulk")
		for range 400 {
			browser(0)
		}
		all(t, browser, 2, 1, "a request after 400 acknowledgements")
	})
}

// A flow that sends neither little nor much may have packets waiting: it stays where it is until it has paused.
func TestFlowsInBetweenStay(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, between, next := c.flow(9001), c.flow(9002), c.flow(9003)
		all(t, bulk, 20, 0, "the bulk")
		all(t, between, 5, 1, "before")
		c.silent()
		all(t, next, 20, 1, "the next bulk")
		all(t, between, 5, 1, "after the queue turned heavy")
		c.p.aged(translated(c.packet(9002)).key(), c.way, 16000) // a second
		all(t, between, 3, 0, "after a pause")
	})
}

// While there is a heavy flow, the next one goes where that is: a device has one queue for both.
func TestHeavyFlowsShareAQueue(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, next := c.flow(9001), c.flow(9002)
		all(t, bulk, 20, 0, "the first")
		for n := range 30 {
			want := uint8(1)
			if n >= 16 {
				want = 0
			}
			all(t, bulk, 1, 0, "the first")
			if half := next(1000); half != want && n != 15 {
				t.Fatalf("packet %d of the second is in queue %d, want %d", n, half, want)
			}
		}
	})
}

// Once the heavy queue was left alone, the next heavy flow keeps its own, and who was in the old one before follows.
func TestIdleHeavyQueueIsGivenUp(t *testing.T) {
	crowds(t, func(t *testing.T, c crowd) {
		bulk, next := c.flow(9001), c.flow(9002)
		all(t, bulk, 20, 0, "the first")
		all(t, next, 14, 1, "the second, sparse")
		c.silent()
		all(t, next, 20, 1, "the second, heavy")
		all(t, bulk, 20, 1, "the first, afterwards")
	})
}

// An hour of silence, or a fraction of a second, leaks what it should; a level has an end. While others are in the heavy queue, a flow
// in the other one goes there if it is heavy.
func TestLevelLeaks(t *testing.T) {
	p := newFairPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	up := fairHooks(p, pk)["up"]
	full := make([]byte, 1000)
	for range 100 {
		up(full)
	}
	key := translated(pk).key()
	table, f := p.reverseFlow(key)
	if f.Level[0] < 60000 || f.Level[1] != 0 {
		t.Errorf("levels %v after 100 kB up, want the highest and 0", f.Level)
	}
	for _, c := range []struct {
		name  string
		ticks uint32 // of 2^16 ns
		heavy uint8
	}{{"a tenth of a second", 1526, 1}, {"three seconds", 45776, 1}, {"four seconds", 61035, 0}, {"an hour", 54931640, 0}, {"forty hours, more than half of the ticks", 2197265625, 0}, {"less than none, by another CPU's clock", ^uint32(99), 1}} {
		p.must(p.Maps[table].Update(key, *f, ebpf.UpdateExist))
		device, _ := queueOf(up(full)) // heavy, now
		p.changeQueues(device, slice.Up, func(last uint16) uint16 { return last &^ sparseQueue })
		p.must(p.Maps[table].Update(key, *f, ebpf.UpdateExist)) // in the first queue, the sparse one
		p.aged(key, slice.Up, c.ticks)
		if _, heavy := queueOf(up(full)); heavy != c.heavy {
			t.Errorf("after %s of silence: heavy is %d, want %d", c.name, heavy, c.heavy)
		}
	}
}

// What the box itself sends has the queues of no device.
func TestQueuesOfTheBoxItself(t *testing.T) {
	p := newFairPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 1000)}
	for range 40 {
		if device, half := queueOf(p.sentAs(fairOut, pk.bytes(), skBuff{})); device != 0 || half != 0 {
			t.Fatalf("queue %d of device %d: want the first of none", half, device)
		}
	}
	pk.to = port(pk.to, 9002)
	if device, half := queueOf(p.sentAs(fairOut, pk.bytes(), skBuff{})); device != 0 || half != 1 {
		t.Errorf("a new flow beside a heavy one is in queue %d of device %d, want the second of none", half, device)
	}
}

// What outsiders send that nobody asked for, and what the box answers, is not in the way of what the box asks, nor of its answer.
func TestQueuesOfTheUnasked(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newFairPlane(t)
			out := func(pk packet) uint8 {
				device, half := queueOf(p.sentAs(fairOut, pk.bytes(), skBuff{}))
				if device != 0 {
					t.Errorf("a queue of device %d, want none's", device)
				}
				return half
			}
			in := func(pk packet) uint8 {
				ret, _, left := p.put(fairIn, pk.bytes(), skBuff{})
				if device, half := queueOf(left); ret == actRedirect && device == 0 {
					return half
				}
				t.Fatalf("uplink_in returned %d, and %+v", ret, left)
				return 0
			}
			box := natEnd(f.from)
			query := packet{from: box, to: port(f.to, 53), payload: dnsQuery()}
			for n := range uint16(50) {
				junk := packet{from: port(f.to, 1000+n), to: box, payload: make([]byte, 50)}
				if down, up := in(junk), out(junk.back()); down != 1 || up != 1 {
					t.Fatalf("what nobody asked for is in queue %d, and its answer in queue %d, want 1 and 1", down, up)
				}
				query.from = port(box, 2000+n)
				if up, down := out(query), in(query.back()); up != 0 || down != 0 {
					t.Fatalf("a query of the box's is in queue %d, and its answer in queue %d, want 0 and 0", up, down)
				}
			}
		})
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
		ctx := skBuff{TcIndex: left.TcIndex, Mark: left.Mark, Tstamp: left.Tstamp, IngressIfindex: venueIfindex}
		if device, half := queueOf(p.sentAs(fairOut, pk.bytes(), ctx)); device != want || half != 1 {
			t.Errorf("%s: queue %d of device %d, want the heavy one of %d", f.name, half, device, want)
		}
	}
}
