package bpf

import (
	"encoding/binary"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
)

// A network card, and veth, take the outer tag off the frame before the hook sees it: it is in vlan_tci, which a test run can't set.
// The inner one, and PPPoE, are still in the frame.
func TestTagInContext(t *testing.T) {
	nettest.Require(t, "netns", "veth", "clsact")
	p := newPlane(t)
	device, box := nettest.NewT(t), nettest.NewT(t)
	p.must(nettest.Veth(device, "eth0", box, "venue0"))
	p.must(device.Addr("eth0", "10.9.4.7/24"))
	p.must(box.Addr("venue0", "10.9.4.1/24"))
	p.attach(box, "venue0", venueIn)
	for _, f := range families {
		for name, change := range map[string]func(*packet){
			"no tag":            func(*packet) {},
			"one":               func(pk *packet) { pk.tags = []uint16{etherVLAN} },
			"two":               func(pk *packet) { pk.tags = []uint16{etherQinQ, etherVLAN} },
			"three":             func(pk *packet) { pk.tags = []uint16{etherQinQ, etherVLAN, etherVLAN} },
			"one, pppoe behind": func(pk *packet) { pk.tags, pk.pppoe = []uint16{etherVLAN}, true },
		} {
			t.Run(f.name+" "+name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: f.from, to: f.to, payload: stun(8)}
				change(&pk)
				p.must(device.Do(func() error { return sendFrame("eth0", pk.bytes()) }))
				p.await(pk.key(), 1)
				if got := p.learned(pk.key()); got != provisional("stun") {
					t.Errorf("learned %+v", got)
				}
			})
		}
	}
}

// sendFrame puts a frame on an interface of the caller's namespace.
func sendFrame(ifname string, frame []byte) error {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6, Protocol: uint16(unix.ETH_P_ALL)})
}

func sendTo(from, to string, payload []byte) error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr(from)))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.WriteToUDPAddrPort(payload, addr(to))
	return err
}

// A tun device's packets begin with IP, both ways.
func TestRawIPDevice(t *testing.T) {
	nettest.Require(t, "netns", "clsact", "tun")
	p := newPlane(t)
	box := nettest.NewT(t)
	var tun *os.File
	p.must(box.Do(func() (err error) {
		tun, err = openTun("tun0")
		return err
	}))
	defer tun.Close()
	link, err := box.Links().LinkByName("tun0")
	p.must(err)
	p.must(box.Links().LinkSetUp(link))
	p.must(box.Addr("tun0", "192.0.2.2/24", "2001:db8:ffff::2/64"))
	in, out := uplinkIn, uplinkOut
	in.RawIP, out.RawIP = true, true
	p.attach(box, "tun0", in)
	p.attach(box, "tun0", out)
	for _, ends := range [][2]string{{"192.0.2.33:50000", "192.0.2.2:40000"}, {"[2001:db8:ffff::33]:50000", "[2001:db8:ffff::2]:40000"}} {
		t.Run(ends[0], func(t *testing.T) {
			p := p.in(t)
			pk := packet{from: addr(ends[0]), to: addr(ends[1])}
			for _, payload := range stream(3, 1, 1, 160) {
				_, err := tun.Write(withChecksum(pk.with(payload)))
				p.must(err)
			}
			p.await(pk.back().key(), 3)
			if got := p.learned(pk.back().key()); got != audio {
				t.Errorf("what came in is %+v", got)
			}
			pk.from, pk.to = port(pk.from, 50001), port(pk.to, 40001)
			p.must(box.Do(func() error { return sendTo(pk.to.String(), pk.from.String(), stun(8)) }))
			p.await(pk.back().key(), 1)
			if got := p.learned(pk.back().key()); got != provisional("stun") {
				t.Errorf("what went out is %+v", got)
			}
		})
	}
}

// withChecksum is an IP packet of UDP whose checksum is right.
func withChecksum(pk packet) []byte {
	ip := pk.ip()
	udp := ip[len(ip)-8-len(pk.payload):]
	pseudo := append(pk.from.Addr().AsSlice(), pk.to.Addr().AsSlice()...)
	pseudo = binary.BigEndian.AppendUint16(append(pseudo, 0, protoUDP), uint16(len(udp)))
	binary.BigEndian.PutUint16(udp[6:], ^sum16(append(pseudo, udp...)))
	return ip
}

// openTun makes a tun device in the caller's namespace; what is written to it comes in by that.
func openTun(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
