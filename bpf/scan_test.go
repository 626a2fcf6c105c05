package bpf

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cilium/ebpf"
)

// oneCPU keeps the test on one CPU: each other one would hold some free entries of an LRU map back, and the tables not be full.
func oneCPU(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for cpu := range 1024 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.SchedSetaffinity(0, &before); err == nil {
			runtime.UnlockOSThread()
		}
	})
}

// wire sends many frames that differ in addresses and ports alone, without the cost of building each.
type wire struct {
	p             *plane
	venue, uplink *ebpf.Program
	inside        []byte
	outside       []byte
}

func (p *plane) wire(mac byte, payload []byte) *wire {
	pk := packet{from: addr("10.0.0.1:1"), to: addr("192.0.2.1:53"), mac: mac, payload: payload}
	w := &wire{p: p, inside: pk.bytes(), outside: translated(pk).bytes()}
	p.put(venueIn, w.inside, skBuff{})
	p.put(uplinkOut, w.outside, skBuff{})
	w.venue, w.uplink = p.wrapped[venueIn], p.wrapped[uplinkOut]
	return w
}

// send puts a packet of one device through both hooks. NAT keeps its port, and gives it an address by device.
func (w *wire) send(device byte, from uint16, to netip.AddrPort) {
	w.p.t.Helper()
	const mac, src, dst, ports = 11, 26, 30, 34 // offsets in a frame
	for i, frame := range [][]byte{w.inside, w.outside} {
		frame[mac] = device
		copy(frame[src:], []byte{10, byte(i), 0, device})
		copy(frame[dst:], to.Addr().AsSlice())
		binary.BigEndian.PutUint16(frame[ports:], from)
		binary.BigEndian.PutUint16(frame[ports+2:], to.Port())
	}
	_, _, left, err := runProgram(w.venue, w.inside, skBuff{})
	w.p.must(err)
	ctx := skBuff{Tstamp: left.Tstamp, IngressIfindex: venueIfindex, Cb: [5]uint32{left.Cb[1]}}
	_, _, _, err = runProgram(w.uplink, w.outside, ctx)
	w.p.must(err)
}

// lost counts those of keys that a table has no more.
func (p *plane) lost(table string, keys []FlowKey) (lost int) {
	p.t.Helper()
	there := make(map[FlowKey]bool)
	for _, key := range p.keys(table) {
		there[key] = true
	}
	for _, key := range keys {
		if !there[key] {
			lost++
		}
	}
	return lost
}

// A device that scans while the flow tables are full of other devices' settled flows takes none of them away: not with one packet
// a tuple, and with as many as it takes to settle, no more than its own budget.
func TestScanEvictsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("sends a million packets")
	}
	oneCPU(t)
	p := newPlane(t)
	w := p.wire(1, dnsQuery())
	p.forget()
	server := addr("192.0.2.1:53")
	const perDevice = 512 // what a device may settle at once
	for device := range MaxFlows / perDevice {
		for flow := range perDevice {
			for range 4 + 1 { // the first packet after the flow settled settles its other side
				w.send(byte(device), uint16(1000+flow), server)
			}
		}
	}
	settled, reverse := p.keys("flows"), p.keys("reverse")
	if len(settled) != MaxFlows || len(reverse) != MaxFlows {
		t.Fatalf("%d and %d flows settled, want full tables of %d", len(settled), len(reverse), MaxFlows)
	}

	const scanner = 200
	for n := range uint32(200_000) {
		target := netip.AddrFrom4([4]byte{203, byte(n >> 16), byte(n >> 8), byte(n)})
		w.send(scanner, 999, netip.AddrPortFrom(target, 53))
	}
	if a, b := p.lost("flows", settled), p.lost("reverse", reverse); a != 0 || b != 0 {
		t.Errorf("a scan took %d flows, and %d of their other sides", a, b)
	}

	// Of settled flows it may have so many at once, and then 30 a second; a full table gives up the idlest ones for them.
	limited := p.faults(FaultLimited)
	for n := range uint32(5_000) {
		target := netip.AddrFrom4([4]byte{204, 0, byte(n >> 8), byte(n)})
		for range 5 {
			w.send(scanner, 999, netip.AddrPortFrom(target, 53))
		}
	}
	most := perDevice * 2 // with what leaks meanwhile
	if a, b := p.lost("flows", settled), p.lost("reverse", reverse); a == 0 || a > most || b > most {
		t.Errorf("5000 flows of one device took %d flows, and %d of their other sides; want some, and at most %d", a, b, most)
	}
	if p.faults(FaultLimited) == limited {
		t.Error("the limit was not counted")
	}
}

// A flow that the limit holds in the nursery is in its slice as any other.
func TestLimitedFlowsAreClassified(t *testing.T) {
	p := newPlane(t)
	for flow := range uint16(600) {
		pk := packet{from: port(families[0].from, 1000+flow), to: families[0].to}
		got := p.sends(pk, stream(6, 1, 1, 100)...)
		if got[0] != media || got[1] != realtime || got[5] != realtime {
			t.Fatalf("flow %d: slices %v", flow, got)
		}
	}
	settled, young := len(p.keys("flows")), len(p.keys("flows_new"))
	if settled < 512 || settled+young != 600 || young == 0 {
		t.Errorf("%d flows settled, %d did not; want 512 and some that leaked meanwhile", settled, young)
	}
}

// The budget leaks one flow in so many nanoseconds, however often it is asked: what is left of a period is not lost.
func TestLimitLeaksEvenly(t *testing.T) {
	const period = 1 << 25 // ns
	p := newPlane(t)
	var clock unix.Timespec
	p.must(unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &clock))
	began := uint64(clock.Nano()) - 10*period - period/2
	for _, test := range []struct {
		name        string
		last, level uint64
		most        uint64
	}{
		{"ten periods and a half", began, 100, 91},
		{"long idle", 1, 512, 1},
	} {
		p.forget()
		pk := packet{from: families[0].from, to: port(families[0].to, 53), payload: dnsQuery()}
		device := uint32(deviceOf(p.sent(pk)))
		p.must(p.Maps["device_limits"].Put(device, DeviceLimit{Last: test.last, Level: test.level}))
		for range 3 {
			p.sent(pk)
		}
		var limit DeviceLimit
		p.must(p.Maps["device_limits"].Lookup(device, &limit))
		if limit.Level == 0 || limit.Level > test.most {
			t.Errorf("%s: level %d, want at most %d", test.name, limit.Level, test.most)
		}
		if test.last == began && (limit.Last-began)%period != 0 {
			t.Errorf("%s: the leak goes on from %d ns after a whole period", test.name, (limit.Last-began)%period)
		}
	}
}
