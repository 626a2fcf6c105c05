package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/replay"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// TestKernelScripts runs the real program where it asks the kernel and no agent.
func TestKernelScripts(t *testing.T) {
	nettest.Require(t, "root", "bpf", "btf")
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "kernel"),
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"capture": cmdCapture, "exits": cmdExits, "cut": cmdCut},
	})
}

// The slices of a replay are those that a box has whose file names none.
func TestClassifyNamesSlicesAsTheDefaultDoes(t *testing.T) {
	var want, got []string
	for i, s := range config.Default().Slices[:3] {
		want = append(want, fmt.Sprintln(s.Name, s.Default))
		v := bpf.Verdict{Slice: uint8(i + 1)}
		got = append(got, fmt.Sprintln(replay.SliceName(v), int(v.Slice) == int(replay.Media)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// cmdCapture writes a capture: capture NAME FILE. Its first packet is at 12:00, each other one 10 ms after the one before.
func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || scenes[args[0]] == nil {
		ts.Fatalf("usage: capture NAME FILE")
	}
	link, packets := pcapfile.Ethernet, scenes[args[0]]()
	for i := range packets {
		packets[i].Time = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * 10 * time.Millisecond)
		link = packets[i].Link
	}
	ts.Check(pcapfile.WriteFile(ts.MkAbs(args[1]), link, packets))
}

// cmdCut takes bytes from a file's end: cut FILE BYTES.
func cmdCut(ts *testscript.TestScript, neg bool, args []string) {
	var n int64
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FILE BYTES")
	}
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-n))
}

// scenes are captures of tests.
var scenes = map[string]func() []pcapfile.Packet{
	"venue": venueScene,
	"empty": func() []pcapfile.Packet { return nil },
	"usb":   func() []pcapfile.Packet { return []pcapfile.Packet{{Link: 189, Data: make([]byte, 64), Length: 64}} },
	"odd": func() []pcapfile.Packet {
		arp := append(make([]byte, 12), 8, 6)
		damaged := append(make([]byte, 12), 8, 0, 0x45)
		return append(venueScene()[:2], whole(append(arp, make([]byte, 28)...)), whole(damaged))
	},
}

// venueScene is a call that the far end begins, a name looked up, a ping, and a TCP flow in IPv6 of which nothing is known.
func venueScene() []pcapfile.Packet {
	phone, far := addr("10.9.4.7:5004"), addr("192.0.2.33:6004")
	query := append([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7}, "example\x00\x00\x01\x00\x01"...)
	return []pcapfile.Packet{
		datagram(addr("10.9.4.7:40001"), addr("192.0.2.53:53"), query),
		datagram(addr("192.0.2.53:53"), addr("10.9.4.7:40001"), query),
		datagram(far, phone, audio(1)), datagram(far, phone, audio(2)), datagram(phone, far, audio(100)), datagram(far, phone, audio(3)),
		ping(),
		segment(addr("[2001:db8:4::7]:40002"), addr("[2001:db8:ffff::33]:9")),
	}
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// audio is an RTP packet (RFC 3550, section 5.1).
func audio(seq int) []byte {
	b := make([]byte, 172)
	b[0], b[1] = 0x80, 111
	binary.BigEndian.PutUint16(b[2:], uint16(seq))
	binary.BigEndian.PutUint32(b[4:], uint32(seq*960))
	binary.BigEndian.PutUint32(b[8:], 0xfeedbeef)
	return b
}

func whole(frame []byte) pcapfile.Packet {
	return pcapfile.Packet{Link: pcapfile.Ethernet, Data: frame, Length: len(frame)}
}

func datagram(from, to netip.AddrPort, payload []byte) pcapfile.Packet {
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	return frame(network(from, to, layers.IPProtocolUDP), udp, gopacket.Payload(payload))
}

func segment(from, to netip.AddrPort) pcapfile.Packet {
	tcp := &layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()), SYN: true}
	return frame(network(from, to, layers.IPProtocolTCP), tcp)
}

func ping() pcapfile.Packet {
	icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 7}
	return frame(network(addr("10.9.4.7:0"), addr("192.0.2.33:0"), layers.IPProtocolICMPv4), icmp, gopacket.Payload(make([]byte, 56)))
}

func network(from, to netip.AddrPort, proto layers.IPProtocol) gopacket.SerializableLayer {
	src, dst := from.Addr().AsSlice(), to.Addr().AsSlice()
	if from.Addr().Is6() {
		return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src, DstIP: dst}
	}
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: src, DstIP: dst}
}

func frame(rest ...gopacket.SerializableLayer) pcapfile.Packet {
	ether := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	if _, ok := rest[0].(*layers.IPv6); ok {
		ether.EthernetType = layers.EthernetTypeIPv6
	}
	buffer := gopacket.NewSerializeBuffer()
	all := append([]gopacket.SerializableLayer{ether}, rest...)
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true}, all...); err != nil {
		panic(err)
	}
	return whole(buffer.Bytes())
}
