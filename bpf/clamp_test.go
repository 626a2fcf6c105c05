package bpf

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// syn is a TCP segment that opens a connection, with a right checksum.
type syn struct {
	packet
	flags   byte
	options []byte // padded to words with the end of the list
}

func (s syn) bytes() []byte {
	pk := s.packet
	pk.proto = protoTCP
	options := append(slices.Clone(s.options), make([]byte, (4-len(s.options)%4)%4)...)
	pk.payload = options
	frame := pk.bytes()
	tcp := frame[len(frame)-20-len(options):]
	tcp[12], tcp[13] = byte(20+len(options))/4<<4, s.flags
	pseudo := append(pk.from.Addr().AsSlice(), pk.to.Addr().AsSlice()...)
	pseudo = binary.BigEndian.AppendUint16(append(pseudo, 0, protoTCP), uint16(len(tcp)))
	binary.BigEndian.PutUint16(tcp[16:], ^sum16(append(pseudo, tcp...)))
	return frame
}

func mss(n uint16) []byte { return binary.BigEndian.AppendUint16([]byte{2, 4}, n) }

// Options as systems order them (RFC 9293, RFC 7323), and such as none does.
var (
	nop, sack, scale = []byte{1}, []byte{4, 2}, []byte{3, 3, 7}
	stamps           = []byte{8, 10, 1, 2, 3, 4, 5, 6, 7, 8}
)

// A SYN that offers more than the clamp offers the clamp, with a checksum that is right. So does the SYN in answer. What offers
// less, is no SYN, or belongs to a call stays as it is.
func TestClamp(t *testing.T) {
	const opens, answers, goesOn = 0x02, 0x12, 0x10
	of := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	tests := []struct {
		name      string
		flags     byte
		options   []byte
		clampedTo []byte // nil: as they were
	}{
		{"first", opens, of(mss(1460), sack, stamps, nop, scale), of(mss(500), sack, stamps, nop, scale)},
		{"answer", answers, of(mss(1460), nop, nop, sack), of(mss(500), nop, nop, sack)},
		{"with congestion bits", opens | 0xc0, mss(1440), mss(500)},
		{"alone", opens, mss(501), mss(500)},
		{"of 65535", opens, mss(65535), mss(500)},
		{"at an odd place", opens, of(nop, mss(1460), sack, nop), of(nop, mss(500), sack, nop)},
		{"last", opens, of(stamps, sack, mss(1460)), of(stamps, sack, mss(500))},
		{"last at an odd place", opens, of(stamps, scale, mss(8960)), of(stamps, scale, mss(500))},
		{"behind 36 bytes", opens, of(slices.Repeat(nop, 36), mss(1460)), of(slices.Repeat(nop, 36), mss(500))},
		{"behind an option that nobody knows", opens, of([]byte{254, 7, 2, 4, 5, 180, 9}, mss(1460)), of([]byte{254, 7, 2, 4, 5, 180, 9}, mss(500))},
		{"as it should be", opens, mss(500), nil},
		{"smaller", opens, mss(499), nil},
		{"0", opens, mss(0), nil},
		{"no option", opens, nil, nil},
		{"none of them", opens, of(sack, stamps), nil},
		{"behind the end of the list", opens, of([]byte{0}, mss(1460)), nil},
		{"of another length", opens, []byte{2, 3, 5, 2, 2}, nil},
		{"behind an option of length 0", opens, of([]byte{8, 0}, mss(1460)), nil},
		{"behind an option of length 1", opens, of([]byte{8, 1}, mss(1460)), nil},
		{"inside an option", opens, of([]byte{254, 6}, mss(1460)), nil},
		{"behind an option that is too long", opens, of([]byte{254, 38}, mss(1460)), nil},
		{"no syn", goesOn, mss(1460), nil},
	}
	p := newPlane(t)
	p.set(func(s *Settings) { s.BestEffort = 1<<media | 1<<telemetry })
	in, out := uplinkIn, uplinkOut
	in.Clamp, out.Clamp = 500, 500
	for _, test := range tests {
		for _, form := range openings() {
			t.Run(test.name+" "+form.name, func(t *testing.T) {
				p := p.in(t)
				s := syn{packet: form.packet, flags: test.flags, options: test.options}
				want := s
				if test.clampedTo != nil {
					want.options = test.clampedTo
				}
				for _, v := range []Variant{in, out} {
					_, got, _ := p.put(v, s.bytes(), skBuff{})
					if diff := cmp.Diff(want.bytes(), got); diff != "" {
						t.Errorf("%s: frame (-want +got)\n%s", v.Role, diff)
					}
				}
			})
		}
	}
}

// openings are headers before a SYN's.
func openings() []shape {
	var all []shape
	for _, f := range families {
		pk := packet{from: f.from, to: port(f.to, 443)}
		tagged, pppoe := pk, pk
		tagged.tags, pppoe.pppoe = []uint16{etherVLAN}, true
		all = append(all, shape{name: f.name, packet: pk}, shape{name: f.name + " vlan", packet: tagged}, shape{name: f.name + " pppoe", packet: pppoe})
	}
	options, exts := packet{from: families[0].from, to: families[0].to}, packet{from: families[1].from, to: families[1].to}
	options.options, exts.exts = []byte{148, 4, 0, 0}, []header{destOptions}
	return append(all, shape{name: "ipv4 options", packet: options}, shape{name: "ipv6 extension header", packet: exts})
}

// Connections of other slices, and of an uplink that is fast, offer what they like.
func TestNotClamped(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.BestEffort = 1 << telemetry })
	slow := uplinkOut
	slow.Clamp = 500
	for _, f := range families {
		frame := syn{packet: packet{from: f.from, to: port(f.to, 443)}, flags: 2, options: mss(1460)}.bytes()
		for what, v := range map[string]Variant{"another slice": slow, "a fast uplink, in": uplinkIn, "a fast uplink, out": uplinkOut} {
			_, got, _ := p.put(v, frame, skBuff{})
			if diff := cmp.Diff(frame, got); diff != "" {
				t.Errorf("%s, %s: frame (-want +got)\n%s", f.name, what, diff)
			}
		}
	}
}

// A SYN whose header contradicts itself is in the default slice like any other, and none of its bytes is taken for an option.
func TestClampOfLyingHeaders(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.BestEffort = 1 << media })
	in, out := uplinkIn, uplinkOut
	in.Clamp, out.Clamp = 500, 500
	pk := packet{from: families[0].from, to: families[0].to, tags: []uint16{etherVLAN}}
	frame := syn{packet: pk, flags: 2, options: mss(1460)}.bytes()
	copy(frame[20:], []byte{2, 4, 0x3f, 0xff}) // a length and an ident, where options would be, were TCP at the frame's start
	frame[18+20+12] = 4 << 4
	for _, v := range []Variant{in, out} {
		_, got, _ := p.put(v, frame, skBuff{})
		if diff := cmp.Diff(frame, got); diff != "" {
			t.Errorf("%s: frame (-want +got)\n%s", v.Role, diff)
		}
	}
}
