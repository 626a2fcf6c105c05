package shaper

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

func TestHeaviestDevices(t *testing.T) {
	c, set := newTestCounters(t)
	s := &Shaper{devices: newDevices(set, c.cpus), cfg: Config{Experiences: []Experience{
		{Name: "venue", Number: 1, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}},
		{Name: "stall-4", Number: 4, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.4.0/24"), netip.MustParsePrefix("fd09:4::/48")}},
	}}}
	count := func(index uint32, up, down uint64) {
		perCPU := make([]bpf.DirectionBytes, c.cpus)
		perCPU[0].Bytes, perCPU[c.cpus-1].Bytes[slice.Down] = [2]uint64{up, down / 2}, down-down/2
		if c.cpus == 1 {
			perCPU[0].Bytes[slice.Down] = down
		}
		must(t, s.devices.bytes.Put(index, perCPU))
	}
	add := func(key bpf.DeviceKey, index uint16) { must(t, s.devices.table.Put(key, bpf.Device{Index: index})) }
	mac := [16]byte{10: 2, 15: 1}
	add(bpf.DeviceKey{Ifindex: 3, Addr: mac}, 1)
	for i, addr := range []string{"10.9.4.7", "10.9.5.7", "fd09:4::", "192.0.2.1"} {
		add(bpf.DeviceKey{Addr: bpf.Address(netip.MustParseAddr(addr))}, uint16(i+2))
	}
	count(1, 100, 900)
	count(2, 5000, 5000)
	count(3, 70, 30)
	count(4, 8000, 0) // an earlier owner of the index
	moved, err := s.devices.moved()
	must(t, err)
	now := time.Now()
	s.history.add(snapshot{at: now.Add(-2 * time.Second), devices: moved})
	count(1, 100+20_000, 900+40_000)
	count(4, 3000, 0)

	got, err := s.heaviestDevices(now, 4)
	must(t, err)
	want := []DeviceMeasurement{
		{Device: "02:00:00:00:00:01", Bytes: [2]uint64{20_100, 40_900}, Used: [2]slice.Rate{80_000, 160_000}},
		{Device: "fd09:4::/64", Experience: "stall-4", Bytes: [2]uint64{3000, 0}, Used: [2]slice.Rate{12_000, 0}},
		{Device: "10.9.4.7", Experience: "stall-4", Bytes: [2]uint64{5000, 5000}},
		{Device: "10.9.5.7", Experience: "venue", Bytes: [2]uint64{70, 30}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHeaviestDeviceOfRealTraffic(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	device := listen(t, b.device, netip.AddrPortFrom(deviceAddr, 5004).String())
	server := listen(t, b.server, netip.AddrPortFrom(serverAddr, 6000).String())
	for range 10 {
		send(t, device, netip.AddrPortFrom(serverAddr, 6000), make([]byte, 1000))
		_, from := receive(t, server)
		send(t, server, from, make([]byte, 100))
		receive(t, device)
	}
	got, err := b.shaper.HeaviestDevices(1)
	must(t, err)
	if len(got) != 1 || got[0].Device != macOf(t, b, "eth0") {
		t.Fatalf("heaviest: %+v, want the device's MAC", got)
	}
	if up, down := got[0].Bytes[slice.Up], got[0].Bytes[slice.Down]; up < 10*1028 || up > 20_000 || down < 10*128 || down > 10_000 {
		t.Errorf("moved %d up and %d down, want about 10,000 and 1,400", up, down)
	}
}
