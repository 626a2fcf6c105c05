package bpf

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/internal/nettest"
)

func deviceOf(ctx skBuff) uint16 {
	_, device := marked(ctx)
	return device
}

// A device is a MAC, however many addresses and flows it has, in IPv4 or IPv6, tagged or not.
func TestDevicesByMAC(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, mac: 5}
	first := deviceOf(p.sent(pk))
	if first == 0 {
		t.Fatal("no device")
	}
	for name, change := range map[string]func(*packet){
		"same flow":     func(*packet) {},
		"other port":    func(pk *packet) { pk.from = port(pk.from, 1) },
		"other address": func(pk *packet) { pk.from = addrAfter(pk.from) },
		"ipv6":          func(pk *packet) { pk.from, pk.to = families[1].from, families[1].to },
		"vlan":          func(pk *packet) { pk.from, pk.tags = port(pk.from, 2), []uint16{etherVLAN} },
		"tcp":           func(pk *packet) { pk.proto = protoTCP },
	} {
		other := pk
		change(&other)
		if got := deviceOf(p.sent(other)); got != first {
			t.Errorf("%s: device %d, want %d", name, got, first)
		}
	}
	pk.mac, pk.from = 6, port(pk.from, 3)
	if got := deviceOf(p.sent(pk)); got == first || got == 0 {
		t.Errorf("another MAC: device %d, want one of its own beside %d", got, first)
	}
	var d Device
	p.must(p.Maps["devices"].Lookup(DeviceKey{Ifindex: 1, Addr: [16]byte{10: 2, 15: 5}}, &d))
	if d.Index != first {
		t.Errorf("table has index %d, want %d", d.Index, first)
	}
}

// The same MAC on another interface is another device.
func TestDevicesByInterface(t *testing.T) {
	nettest.Require(t, "netns", "veth")
	p := newPlane(t)
	ns := nettest.NewT(t)
	p.must(nettest.Veth(ns, "venue0", ns, "venue1"))
	p.must(ns.Do(func() error {
		devices := make(map[uint16]string)
		for i, name := range []string{"venue0", "venue1"} {
			link, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			pk := packet{from: port(families[0].from, uint16(i+1)), to: families[0].to}
			left := p.sentAs(venueIn, pk.bytes(), skBuff{Ifindex: uint32(link.Index)})
			devices[deviceOf(left)] = name
		}
		if len(devices) != 2 {
			t.Errorf("devices %v, want one an interface", devices)
		}
		return nil
	}))
}

// Behind a router a device is an IPv4 address or an IPv6 /64, whatever the MAC.
func TestDevicesByAddress(t *testing.T) {
	p := newPlane(t)
	v := venueIn
	v.ByAddress = true
	device := func(from string, mac byte) uint16 {
		pk := packet{from: addr(from), to: families[0].to, mac: mac}
		if pk.from.Addr().Is6() {
			pk.to = families[1].to
		}
		return deviceOf(p.sentAs(v, pk.bytes(), skBuff{}))
	}
	a, b, c := device("10.0.0.1:1", 1), device("10.0.0.1:2", 2), device("10.0.0.2:1", 1)
	if a == 0 || a != b || c == a {
		t.Errorf("ipv4: devices %d, %d and %d; want the first two the same", a, b, c)
	}
	a, b, c = device("[2001:db8:1:2::1]:1", 1), device("[2001:db8:1:2:ffff::2]:2", 2), device("[2001:db8:1:3::1]:1", 1)
	if a == 0 || a != b || c == a {
		t.Errorf("ipv6: devices %d, %d and %d; want the first two the same", a, b, c)
	}
}

// With no index left a new device has none, which is counted; its traffic goes on, and devices that have one keep it.
func TestNoDeviceLeft(t *testing.T) {
	p := newPlane(t)
	old := packet{from: families[0].from, to: families[0].to, mac: 1}
	known := deviceOf(p.sent(old))
	var index uint32
	taken := 0
	for p.Maps["device_free"].LookupAndDelete(nil, &index) == nil {
		taken++
	}
	if taken != MaxDevices-2 {
		t.Errorf("%d indexes were free, want %d", taken, MaxDevices-2)
	}
	stranger := packet{from: port(families[0].from, 9), to: port(families[0].to, 53), mac: 2, payload: dnsQuery()}
	slice, device := marked(p.sent(stranger))
	if slice != signalling || device != 0 {
		t.Errorf("slice %d, device %d; want signalling and none", slice, device)
	}
	if n := p.faults(FaultNoDevice); n != 1 {
		t.Errorf("counted %d times, want once", n)
	}
	if got := deviceOf(p.sent(old)); got != known {
		t.Errorf("the known device has index %d, had %d", got, known)
	}
	p.must(p.Maps["device_free"].Put(nil, uint32(77)))
	stranger.from = port(stranger.from, 10)
	if got := deviceOf(p.sent(stranger)); got != 77 {
		t.Errorf("device %d, want the index that was given back", got)
	}
}

// A known flow asks once a second who sends it: the address may have gone to another device, and the index to another yet.
func TestDeviceOfKnownFlow(t *testing.T) {
	p := newPlane(t)
	p.stopClock()
	pk := packet{from: families[0].from, to: families[0].to, mac: 1}
	first := deviceOf(p.sent(pk))
	pk.mac = 2
	if got := deviceOf(p.sent(pk)); got != first {
		t.Errorf("asked again at once: device %d, had %d", got, first)
	}
	p.pass(1100 * time.Millisecond)
	if got := deviceOf(p.sent(pk)); got == first || got == 0 {
		t.Errorf("device %d after a second, want the one that sends now", got)
	}
}

// Judging a packet changes nothing, whoever it is from.
func TestJudgeChangesNothing(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: stun(0)}
	rawIP := Variant{RawIP: true, ByAddress: true} // a venue's, but the frame is still Ethernet's
	for _, variant := range []Variant{venueIn, venueIn, rawIP} {
		if v, _, err := p.Judge(variant, pk.bytes()); err != nil || v.Slice != signalling || Rank(v.Rank) != RankProvisional {
			t.Errorf("judged %+v, %v", v, err)
		}
		if v, _, err := p.Judge(venueIn, pk.bytes()[:36]); err != nil || v.Slice != media {
			t.Errorf("cut: judged %+v, %v", v, err)
		}
	}
	for _, table := range []string{"flows_new", "flows", "reverse_new", "reverse"} {
		if keys := p.keys(table); len(keys) != 0 {
			t.Errorf("%s: %v", table, keys)
		}
	}
	var key DeviceKey
	if err := p.Maps["devices"].NextKey(nil, &key); !errors.Is(err, ebpf.ErrKeyNotExist) {
		t.Errorf("device %v, %v", key, err)
	}
	for _, table := range []string{"hooks", "faults", "classified"} {
		if n := p.sum(table, 0); n != 0 {
			t.Errorf("%s: %d", table, n)
		}
	}
	p.sent(pk)
	var before, after Device
	key = DeviceKey{Ifindex: 1, Addr: [16]byte{10: 2, 15: 1}}
	p.must(p.Maps["devices"].Lookup(key, &before))
	time.Sleep(1100 * time.Millisecond)
	_, _, err := p.Judge(venueIn, pk.bytes())
	p.must(err)
	p.must(p.Maps["devices"].Lookup(key, &after))
	if before != after {
		t.Errorf("device was %+v, is %+v", before, after)
	}
}
