package corpus_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// ip4 makes an IPv4 header for what follows it.
func ip4(proto byte, place uint16, ident uint16, options []byte, rest []byte) []byte {
	h := []byte{0x45 + byte(len(options)/4), 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(options)+len(rest)))
	binary.BigEndian.PutUint16(h[4:], ident)
	binary.BigEndian.PutUint16(h[6:], place)
	return join(h, options, rest)
}

func ip6(next byte, rest []byte) []byte {
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(rest)))
	src, dst := netip.MustParseAddr("2001:db8::1").As16(), netip.MustParseAddr("2001:db8::2").As16()
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
	return join(h, rest)
}

func udp(from, to uint16, payload string) []byte {
	h := make([]byte, 8)
	binary.BigEndian.PutUint16(h, from)
	binary.BigEndian.PutUint16(h[2:], to)
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(payload)))
	return join(h, []byte(payload))
}

func tcp(seq uint32, payload string) []byte {
	h := make([]byte, 24)
	binary.BigEndian.PutUint16(h, 1000)
	binary.BigEndian.PutUint16(h[2:], 2000)
	binary.BigEndian.PutUint32(h[4:], seq)
	h[12] = 6 << 4
	return join(h, []byte(payload))
}

func TestDissect(t *testing.T) {
	mac := make([]byte, 12)
	v4, v6 := []byte{8, 0}, []byte{0x86, 0xdd}
	hop := []byte{60, 0, 1, 4, 0, 0, 0, 0}
	dst := []byte{17, 0, 1, 4, 0, 0, 0, 0}
	cooked := make([]byte, 14)
	for _, test := range []struct {
		name string
		link pcapfile.Link
		data []byte
		want string
	}{
		{"ethernet, IPv4", pcapfile.Ethernet, join(mac, v4, ip4(17, 0, 0, nil, udp(1, 2, "hello"))), "udp 192.0.2.1:1 192.0.2.2:2 hello"},
		{"ethernet, padded", pcapfile.Ethernet, join(mac, v4, ip4(17, 0, 0, nil, udp(1, 2, "hi")), make([]byte, 16)), "udp 192.0.2.1:1 192.0.2.2:2 hi"},
		{"IPv4 options", pcapfile.Raw, ip4(17, 0, 0, make([]byte, 8), udp(1, 2, "hello")), "udp 192.0.2.1:1 192.0.2.2:2 hello"},
		{"two VLAN tags", pcapfile.Ethernet, join(mac, []byte{0x88, 0xa8, 0, 1, 0x81, 0, 0, 2}, v4, ip4(17, 0, 0, nil, udp(1, 2, "x"))),
			"udp 192.0.2.1:1 192.0.2.2:2 x"},
		{"TCP with an option", pcapfile.Raw, ip4(6, 0, 0, nil, tcp(7, "hello")), "tcp 192.0.2.1:1000 192.0.2.2:2000 hello"},
		{"ICMP", pcapfile.Raw, ip4(1, 0, 0, nil, []byte("echo")), "icmp 192.0.2.1:0 192.0.2.2:0 echo"},
		{"IPv6", pcapfile.Raw, ip6(17, udp(1, 2, "hello")), "udp [2001:db8::1]:1 [2001:db8::2]:2 hello"},
		{"IPv6 extension headers", pcapfile.Ethernet, join(mac, v6, ip6(0, join(hop, dst, udp(1, 2, "hello")))),
			"udp [2001:db8::1]:1 [2001:db8::2]:2 hello"},
		{"cooked", pcapfile.Cooked, join(cooked, v4, ip4(17, 0, 0, nil, udp(1, 2, ""))), "udp 192.0.2.1:1 192.0.2.2:2 "},
		{"cooked2", pcapfile.Cooked2, join(v6, make([]byte, 18), ip6(17, udp(1, 2, ""))), "udp [2001:db8::1]:1 [2001:db8::2]:2 "},
		{"ARP", pcapfile.Ethernet, join(mac, []byte{8, 6}, make([]byte, 28)), ""},
		{"nothing", pcapfile.Ethernet, nil, ""},
		{"half a header", pcapfile.Raw, ip4(17, 0, 0, nil, udp(1, 2, ""))[:15], ""},
		{"half a UDP header", pcapfile.Raw, ip4(17, 0, 0, nil, []byte{0, 1, 0, 2}), ""},
		{"a TCP header that says too little", pcapfile.Raw, ip4(6, 0, 0, nil, make([]byte, 20)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, ok := corpus.Dissect(pcapfile.Packet{Link: test.link, Data: test.data, Length: len(test.data)})
			got := ""
			if ok {
				got = d.Proto.String() + " " + d.Src.String() + " " + d.Dst.String() + " " + string(d.Payload)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDissectNeverPanics cuts packets at every byte.
func TestDissectNeverPanics(t *testing.T) {
	whole := [][]byte{
		ip4(17, 0, 0, make([]byte, 8), udp(1, 2, "hello")), ip4(6, 0, 0, nil, tcp(1, "hello")),
		ip6(0, join([]byte{44, 0, 1, 4, 0, 0, 0, 0}, []byte{17, 0, 0, 1, 0, 0, 0, 9}, udp(1, 2, "hello"))),
	}
	for _, b := range whole {
		for n := range b {
			for _, link := range []pcapfile.Link{pcapfile.Ethernet, pcapfile.Raw, pcapfile.Cooked, pcapfile.Cooked2, 9} {
				corpus.Dissect(pcapfile.Packet{Link: link, Data: b[:n], Length: len(b)})
			}
		}
	}
}

func TestSplit(t *testing.T) {
	const more, second = 0x2000, 1
	back := ip4(17, 0, 0, nil, udp(2, 1, "answer"))
	copy(back[12:], []byte{192, 0, 2, 2, 192, 0, 2, 1})
	var packets []pcapfile.Packet
	for _, b := range [][]byte{
		ip4(17, 0, 0, nil, udp(1, 2, "question")),
		ip4(17, 0, 0, nil, udp(1, 3, "another flow")),
		back,
		ip4(17, more, 7, nil, udp(1, 3, "begins")),
		ip4(17, second, 7, nil, []byte("goes on")),
		ip4(17, second, 8, nil, []byte("of nobody")),
		ip4(1, 0, 0, nil, []byte("echo")),
	} {
		packets = append(packets, pcapfile.Packet{Link: pcapfile.Raw, Data: b, Length: len(b)})
	}
	type flow struct {
		Proto    slice.Proto
		Src, Dst string
		Packets  []int
		Forward  []bool
	}
	var got []flow
	for _, s := range corpus.Split(packets) {
		f := flow{Proto: s.Proto}
		f.Src, f.Dst = s.Ends()
		for _, p := range s.Packets {
			f.Packets = append(f.Packets, p.Index)
			f.Forward = append(f.Forward, p.Forward)
		}
		got = append(got, f)
	}
	want := []flow{
		{slice.UDP, "192.0.2.1:1", "192.0.2.2:2", []int{0, 2}, []bool{true, false}},
		{slice.UDP, "192.0.2.1:1", "192.0.2.2:3", []int{1, 3, 4}, []bool{true, true, true}},
		{slice.UDP, "192.0.2.1:0", "192.0.2.2:0", []int{5}, []bool{true}},
		{1, "192.0.2.1", "192.0.2.2", []int{6}, []bool{true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	want := corpus.Manifest{Version: corpus.Version, Captures: []corpus.Capture{{
		File: "a.pcap", Link: "raw", About: "what 'it' is", Programs: []string{"a (b 1)"}, Commands: []string{"host: a -b", "host: c"},
		Flows: []corpus.Flow{{
			Proto: "udp", Src: "192.0.2.1:1", Dst: "192.0.2.2:2", Slice: "media", Kind: "unknown", Traffic: "x", TellsAt: 1, Packets: 2,
		}},
	}}}
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := corpus.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := corpus.Load(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
}
