package bpf

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// mutantMax is the longest frame of a mutation, bytes.
const mutantMax = 2000

// mutator makes frames that are almost those of a capture.
type mutator struct {
	*rand.Rand
	frames [][]byte
}

func (m mutator) any() []byte { return m.frames[m.IntN(len(m.frames))] }

// mutant changes a captured frame, or a SYN, in up to four ways, or in none.
func (m mutator) mutant() []byte {
	f := slices.Clone(m.any())
	if m.IntN(12) == 0 {
		f = m.opening()
	}
	for range m.IntN(5) {
		if len(f) >= minFrame {
			f = m.changed(f)
		}
	}
	if len(f) < minFrame {
		return slices.Clone(m.any())
	}
	return f[:min(len(f), mutantMax)]
}

// odd are numbers at which lengths and offsets go wrong.
var odd = []byte{0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 19, 20, 27, 28, 40, 63, 64, 127, 128, 191, 200, 207, 223, 254, 255}

// types are EtherTypes and IP protocols that lead elsewhere.
var (
	types     = []uint16{etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, 0x9100, etherPPPoE, 0x8863, 0x88cc, 38}
	protocols = []byte{protoHop, protoICMP, protoIGMP, protoTCP, protoUDP, protoRouting, protoFragment, protoESP, protoAH, protoICMPv6, protoNone, protoDestOpts}
)

func (m mutator) changed(f []byte) []byte {
	ip := 14 + m.IntN(60) // where headers are, mostly
	switch m.IntN(11) {
	case 0: // a bit anywhere
		f[m.IntN(len(f))] ^= 1 << m.IntN(8)
	case 1: // a byte of the headers
		if ip < len(f) {
			f[ip] = odd[m.IntN(len(odd))]
		}
	case 2: // two of them
		if ip+1 < len(f) {
			binary.BigEndian.PutUint16(f[ip:], uint16(m.Uint32()))
		}
	case 3: // cut
		f = f[:minFrame+m.IntN(len(f)-minFrame+1)]
	case 4: // longer than it says
		f = append(f, make([]byte, m.IntN(64))...)
	case 5: // another type
		binary.BigEndian.PutUint16(f[12:], types[m.IntN(len(types))])
	case 6: // a tag
		tag := binary.BigEndian.AppendUint16(nil, types[3+m.IntN(3)])
		f = slices.Insert(f, 12, append(tag, 0, byte(m.Uint32()))...)
	case 7: // PPPoE
		if kind := binary.BigEndian.Uint16(f[12:]); kind == etherIPv4 || kind == etherIPv6 {
			ppp := map[uint16]byte{etherIPv4: 0x21, etherIPv6: 0x57}[kind]
			binary.BigEndian.PutUint16(f[12:], etherPPPoE)
			f = slices.Insert(f, 14, 0x11, 0, 0, 7, byte(len(f)>>8), byte(len(f)), 0, ppp)
		}
	case 8: // another protocol
		if at := 14 + [...]int{6, 9}[m.IntN(2)]; at < len(f) {
			f[at] = protocols[m.IntN(len(protocols))]
		}
	case 9: // the rest of another frame
		other := m.any()
		at := m.IntN(min(len(f), len(other)))
		f = append(f[:at], other[at:]...)
	case 10: // IPv4 with options, or a header that is too short
		if len(f) > 14 && f[14]>>4 == 4 {
			f[14] = 0x40 | byte(m.IntN(16))
		}
	}
	return f
}

// opening is a SYN with options in any order, which captures have few of.
func (m mutator) opening() []byte {
	ends := families[m.IntN(len(families))]
	s := syn{packet: packet{from: ends.from, to: port(ends.to, 443), dscp: uint8(m.IntN(64))}, flags: [...]byte{2, 0x12, 0x10, 0xc2}[m.IntN(4)]}
	for range m.IntN(6) {
		s.options = append(s.options, [...][]byte{
			{1}, {1, 1, 1}, {2, 4, byte(m.IntN(8)), byte(m.Uint32())}, {4, 2}, {3, 3, 7}, {8, 10, 1, 2, 3, 4, 5, 6, 7, 8},
			{0}, {2, 4}, {2, 3, 5}, {254, 0}, {254, byte(m.IntN(40))},
		}[m.IntN(11)]...)
	}
	s.options = s.options[:min(len(s.options), 40)]
	return s.bytes()
}

// context is what a packet may bring along.
func (m mutator) context() skBuff {
	ctx := skBuff{Mark: m.Uint32(), Priority: [...]uint32{0, 6, RootHandle | 0x12, 0x10001}[m.IntN(4)]}
	for i := range ctx.Cb {
		ctx.Cb[i] = m.Uint32()
	}
	if m.IntN(2) == 0 {
		ctx.Tstamp = m.Uint64() >> 1
	}
	return ctx
}
