package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// TestFrames holds what the classifier gets against the Ethernet frame of the same packet.
func TestFrames(t *testing.T) {
	udp := packet{from: phone4, to: server4, proto: slice.UDP, payload: []byte("hello"), mac: 9}
	udp6 := packet{from: phone6, to: server6, proto: slice.UDP, payload: []byte("hello"), mac: 9}
	for _, test := range []struct {
		name string
		link pcapfile.Link
		mac  byte // of the sender
	}{
		{"ethernet", 0, 9}, {"cooked", pcapfile.Cooked, 9}, {"cooked2", pcapfile.Cooked2, 9}, {"raw", pcapfile.Raw, 1},
		{"raw of one family", 0xffff, 1},
	} {
		for _, family := range []packet{udp, udp6} {
			t.Run(fmt.Sprintf("%s %s", test.name, family.source().Addr()), func(t *testing.T) {
				want := family.captured().Data
				want[11] = test.mac
				family.link = test.link
				if test.link == 0xffff {
					family.link = map[bool]pcapfile.Link{true: rawIPv4, false: rawIPv6}[family.from == phone4]
				}
				s := &script{}
				replayed(t, s, Config{}, family)
				if got := s.asked[0]; got.Length != len(want) || !bytes.Equal(got.Frame[6:], want[6:]) {
					t.Errorf("%d bytes\n%x, want %d\n%x", got.Length, got.Frame, len(want), want)
				}
			})
		}
	}
}

func TestTagsStay(t *testing.T) {
	tagged := packet{from: phone4, to: server4, proto: slice.UDP, tags: []uint16{typeQinQ, typeVLAN}}
	cooked := packet{from: phone4, to: server4, proto: slice.UDP, link: pcapfile.Cooked}
	inCooked := cooked.captured()
	inCooked.Data = slices.Concat(inCooked.Data[:14], []byte{0x81, 0, 0, 42, 8, 0}, inCooked.Data[16:])
	inCooked.Length += 4
	s := &script{}
	r, err := Run(s, &capture{packets: []pcapfile.Packet{tagged.captured(), inCooked}}, Config{})
	if err != nil || len(r.Flows) != 1 || r.Flows[0].Packets != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if !bytes.Equal(s.asked[0].Frame, tagged.captured().Data) {
		t.Errorf("a tagged frame became %x", s.asked[0].Frame)
	}
	if got := s.asked[1]; !bytes.Equal(got.Frame[12:18], []byte{0x81, 0, 0, 42, 8, 0}) || got.Length != 14+4+28 {
		t.Errorf("a cooked packet with a tag became %x of %d bytes", got.Frame, got.Length)
	}
}

func TestLongFramesAreCut(t *testing.T) {
	long := packet{from: phone4, to: server4, proto: slice.TCP, payload: make([]byte, 60_000)}
	short := packet{from: phone4, to: server4, proto: slice.TCP, payload: make([]byte, 1000), snap: 96}
	s := &script{}
	f := replayed(t, s, Config{}, long, short).Flows[0]
	if got := s.asked[0]; len(got.Frame) != maxFrame || got.Length != 60_054 {
		t.Errorf("%d bytes of %d", len(got.Frame), got.Length)
	}
	if got := s.asked[1]; len(got.Frame) != 96 || got.Length != 1054 {
		t.Errorf("%d bytes of %d", len(got.Frame), got.Length)
	}
	if f.Bytes != 60_040+1040 {
		t.Errorf("%d bytes of IP", f.Bytes)
	}
}

// The classifier's clock begins with the capture, stands still where the capture's goes back, and runs through what is not IP.
func TestClock(t *testing.T) {
	arp := pcapfile.Packet{Time: epoch, Link: pcapfile.Ethernet, Data: append(make([]byte, 12), 8, 6), Length: 42}
	c := &capture{packets: []pcapfile.Packet{arp}}
	for _, ms := range []int{20, 10, 30} {
		at := time.Duration(ms) * time.Millisecond
		c.packets = append(c.packets, packet{from: phone4, to: server4, proto: slice.UDP, at: at}.captured())
	}
	s := &script{}
	r, err := Run(s, c, Config{Packets: true})
	if err != nil {
		t.Fatal(err)
	}
	var clock, shown []time.Duration
	for i, j := range r.Flows[0].Judged {
		clock, shown = append(clock, s.asked[i].At/time.Millisecond), append(shown, j.At/time.Millisecond)
	}
	if diff := cmp.Diff([]time.Duration{20, 20, 30}, clock); diff != "" {
		t.Error("the classifier's clock", diff)
	}
	if diff := cmp.Diff([]time.Duration{20, 10, 30}, shown); diff != "" {
		t.Error("the report's", diff)
	}
}

// What is no packet of a flow is counted, and not judged.
func TestWhatIsNoFlow(t *testing.T) {
	frame := func(kind uint16, rest ...byte) pcapfile.Packet {
		b := append(append(make([]byte, 12), byte(kind>>8), byte(kind)), rest...)
		return pcapfile.Packet{Time: epoch, Link: pcapfile.Ethernet, Data: b, Length: len(b)}
	}
	of := func(link pcapfile.Link, n int) pcapfile.Packet {
		return pcapfile.Packet{Time: epoch, Link: link, Data: make([]byte, n), Length: n}
	}
	damaged := func(from, to string, change func(ip []byte)) pcapfile.Packet {
		p := packet{from: from, to: to, proto: slice.UDP}.captured()
		change(p.Data[14:])
		return p
	}
	good := packet{from: phone4, to: server4, proto: slice.UDP}.captured()
	cut6 := packet{from: phone6, to: server6, proto: slice.UDP, exts: []byte{extHopByHop, 0, 5, 2, 0, 0, 1, 0}, snap: 14 + 40 + 7}.captured()
	for _, test := range []struct {
		name                    string
		packet                  pcapfile.Packet
		notIP, damaged, unknown int
	}{
		{"arp", frame(0x0806, make([]byte, 28)...), 1, 0, 0},
		{"802.3", frame(38, make([]byte, 38)...), 1, 0, 0},
		{"pppoe session of its own", frame(typePPPoE, 0x11, 0, 0, 7, 0, 4, 0xc0, 0x21), 1, 0, 0},
		{"three tags", frame(typeQinQ, 0, 1, 0x81, 0, 0, 1, 0x81, 0, 0, 1, 8, 0), 1, 0, 0},
		{"a tag cut", frame(typeVLAN, 0, 1, 8), 0, 1, 0},
		{"pppoe cut", frame(typePPPoE, 0x11, 0, 0, 7, 0, 4, 0), 0, 1, 0},
		{"ethernet cut", of(pcapfile.Ethernet, 13), 0, 1, 0},
		{"cooked cut", of(pcapfile.Cooked, 15), 0, 1, 0},
		{"cooked2 cut", of(pcapfile.Cooked2, 19), 0, 1, 0},
		{"nothing", of(pcapfile.Raw, 0), 0, 1, 0},
		{"raw, neither family", of(pcapfile.Raw, 40), 0, 1, 0},
		{"ipv4 cut", frame(typeIPv4, good.Data[14:33]...), 0, 1, 0},
		{"ipv6 cut", frame(typeIPv6, cut6.Data[14:53]...), 0, 1, 0},
		{"extension header cut", cut6, 0, 1, 0},
		{"ipv4 of another version", damaged(phone4, server4, func(ip []byte) { ip[0] = 0x55 }), 0, 1, 0},
		{"ipv6 of another version", damaged(phone6, server6, func(ip []byte) { ip[0] = 0x40 }), 0, 1, 0},
		{"header shorter than itself", damaged(phone4, server4, func(ip []byte) { ip[0] = 0x44 }), 0, 1, 0},
		{"packet shorter than its header", damaged(phone4, server4, func(ip []byte) { ip[2], ip[3] = 0, 19 }), 0, 1, 0},
		{"usb", of(189, 64), 0, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			r, err := Run(s, &capture{packets: []pcapfile.Packet{test.packet, good}}, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Flows) != 1 || len(s.asked) != 1 || r.Packets != 2 {
				t.Errorf("%d flows, %d packets judged of %d", len(r.Flows), len(s.asked), r.Packets)
			}
			if r.NotIP != test.notIP || r.Damaged != test.damaged || r.Unknown != test.unknown {
				t.Errorf("%d not IP, %d damaged, %d of an unknown link", r.NotIP, r.Damaged, r.Unknown)
			}
		})
	}
}

// stubborn is a classifier that fails.
type stubborn struct{ err error }

func (s stubborn) Packet([]byte, int, time.Duration, bool) (bpf.Verdict, error) {
	return bpf.Verdict{}, s.err
}

func TestErrorsComeWithWhatIsWhole(t *testing.T) {
	c := captureOf(packet{from: phone4, to: server4, proto: slice.UDP})
	c.end = fmt.Errorf("read packet: %w", pcapfile.ErrCut)
	r, err := Run(&script{}, c, Config{})
	if !errors.Is(err, pcapfile.ErrCut) || len(r.Flows) != 1 || r.Flows[0].Packets != 1 {
		t.Errorf("cut file: %v, %s", err, shown(r.Flows))
	}
	r, err = Run(stubborn{io.ErrClosedPipe}, captureOf(packet{from: phone4, to: server4, proto: slice.UDP}), Config{})
	if !errors.Is(err, io.ErrClosedPipe) || r == nil {
		t.Errorf("classifier that fails: %v", err)
	}
}

func TestSliceNames(t *testing.T) {
	for id, want := range map[uint8]string{1: slice.Signalling, 2: slice.Realtime, 3: "media", 9: "slice-9"} {
		if got := SliceName(bpf.Verdict{Slice: id}); got != want {
			t.Errorf("slice %d is %q, want %q", id, got, want)
		}
	}
}

// FuzzPacket: whatever a packet holds, each is in a flow or counted, and a frame is one that a test run takes.
func FuzzPacket(f *testing.F) {
	links := []pcapfile.Link{pcapfile.Ethernet, pcapfile.Raw, pcapfile.Cooked, pcapfile.Cooked2, rawIPv6, 189}
	for i, link := range []pcapfile.Link{0, pcapfile.Raw, pcapfile.Cooked, pcapfile.Cooked2} {
		f.Add(uint8(i), packet{from: phone4, to: server4, proto: slice.UDP, link: link}.captured().Data)
		f.Add(uint8(i), packet{from: phone6, to: server6, proto: slice.TCP, link: link, exts: make([]byte, 8)}.captured().Data)
		f.Add(uint8(i), packet{from: phone6, to: server6, proto: slice.TCP, link: link, fragment: &piece{1, 2, true}}.captured().Data)
	}
	f.Fuzz(func(t *testing.T, link uint8, data []byte) {
		s := &script{}
		p := pcapfile.Packet{Time: epoch, Link: links[int(link)%len(links)], Data: data, Length: len(data)}
		r, err := Run(s, &capture{packets: []pcapfile.Packet{p, p}}, Config{Packets: true})
		if err != nil {
			t.Fatal(err)
		}
		if counted := r.NotIP + r.Damaged + r.Unknown; len(s.asked)+counted != 2 {
			t.Errorf("%d packets judged, %d others", len(s.asked), counted)
		}
		for _, a := range s.asked {
			if len(a.Frame) < etherHeader+20 || len(a.Frame) > maxFrame || a.Length < len(a.Frame) && len(data) <= maxFrame {
				t.Errorf("frame of %d bytes, length %d", len(a.Frame), a.Length)
			}
		}
	})
}
