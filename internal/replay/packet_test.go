package replay

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// packet is what a test captures; the zero value of each field but the ends is the plainest choice.
type packet struct {
	from, to string // with ports for TCP and UDP
	proto    slice.Proto
	payload  []byte
	at       time.Duration
	link     pcapfile.Link // 0: Ethernet
	tags     []uint16      // EtherTypes of VLAN tags
	pppoe    bool
	options  []byte // IPv4's
	exts     []byte // IPv6's extension headers, each a protocol and the rest of 8 bytes
	fragment *piece
	padding  int  // behind the IP packet
	snap     int  // bytes captured; 0: all
	noTotal  bool // IP says nothing of its length
	mac      byte
}

// piece is a fragment; offset is in units of 8 bytes.
type piece struct {
	ident  uint32
	offset uint16
	more   bool
}

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func (p packet) captured() pcapfile.Packet {
	b := p.linkHeader()
	b = append(b, p.ip()...)
	b = append(b, make([]byte, p.padding)...)
	link := p.link
	if link == 0 {
		link = pcapfile.Ethernet
	}
	captured := pcapfile.Packet{Time: epoch.Add(p.at), Link: link, Data: b, Length: len(b)}
	if p.snap > 0 {
		captured.Data = b[:p.snap]
	}
	return captured
}

func (p packet) linkHeader() []byte {
	kind := uint16(typeIPv4)
	if p.source().Addr().Is6() {
		kind = typeIPv6
	}
	var b []byte
	switch p.link {
	case 0:
		b = []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, p.mac}
		for _, tag := range p.tags {
			b = append(binary.BigEndian.AppendUint16(b, tag), 0, 42)
		}
		if p.pppoe {
			b = append(binary.BigEndian.AppendUint16(b, typePPPoE), 0x11, 0, 0, 7, 0, 0)
			kind = map[uint16]uint16{typeIPv4: 0x0021, typeIPv6: 0x0057}[kind]
		}
		return binary.BigEndian.AppendUint16(b, kind)
	case pcapfile.Cooked:
		b = []byte{0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, p.mac, 0, 0}
		return binary.BigEndian.AppendUint16(b, kind)
	case pcapfile.Cooked2:
		b = binary.BigEndian.AppendUint16(nil, kind)
		return append(b, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, p.mac, 0, 0)
	}
	return nil
}

func (p packet) source() netip.AddrPort { return end(p.from) }

func end(s string) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0)
	}
	return netip.MustParseAddrPort(s)
}

func (p packet) ip() []byte {
	body := p.payload
	if p.fragment == nil || p.fragment.offset == 0 {
		body = p.transport()
	}
	src, dst := end(p.from).Addr().AsSlice(), end(p.to).Addr().AsSlice()
	if len(src) == 16 {
		return p.ipv6(src, dst, body)
	}
	h := append(make([]byte, 20), p.options...)
	h[0] = 0x40 | byte(len(h)/4)
	if !p.noTotal {
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(body)))
	}
	if fr := p.fragment; fr != nil {
		binary.BigEndian.PutUint16(h[4:], uint16(fr.ident))
		place := fr.offset
		if fr.more {
			place |= 0x2000
		}
		binary.BigEndian.PutUint16(h[6:], place)
	}
	h[8], h[9] = 64, byte(p.proto)
	copy(h[12:], src)
	copy(h[16:], dst)
	return append(h, body...)
}

func (p packet) ipv6(src, dst, body []byte) []byte {
	exts, next := bytes.Clone(p.exts), byte(p.proto)
	if fr := p.fragment; fr != nil {
		place := fr.offset << 3
		if fr.more {
			place |= 1
		}
		exts = binary.BigEndian.AppendUint16(append(exts, extFragment, 0), place)
		exts = binary.BigEndian.AppendUint32(exts, fr.ident)
	}
	// Each header's first byte is its own protocol so far, and must be the next one's.
	if len(exts) > 0 {
		next = exts[0]
	}
	for i := 0; i < len(exts); i += 8 {
		if i+8 < len(exts) {
			exts[i] = exts[i+8]
		} else {
			exts[i] = byte(p.proto)
		}
	}
	h := make([]byte, 40)
	h[0] = 0x60
	if !p.noTotal {
		binary.BigEndian.PutUint16(h[4:], uint16(len(exts)+len(body)))
	}
	h[6], h[7] = next, 64
	copy(h[8:], src)
	copy(h[24:], dst)
	return slices.Concat(h, exts, body)
}

func (p packet) transport() []byte {
	b := binary.BigEndian.AppendUint16(nil, end(p.from).Port())
	b = binary.BigEndian.AppendUint16(b, end(p.to).Port())
	switch p.proto {
	case slice.UDP:
		b = append(binary.BigEndian.AppendUint16(b, uint16(8+len(p.payload))), 0, 0)
	case slice.TCP:
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 1, 5<<4, 0x10, 1, 0, 0, 0, 0, 0)
	default:
		b = nil
	}
	return append(b, p.payload...)
}

// capture is packets as a file gives them; what ends it is io.EOF if nothing else.
type capture struct {
	packets []pcapfile.Packet
	end     error
}

func captureOf(packets ...packet) *capture {
	c := &capture{}
	for _, p := range packets {
		c.packets = append(c.packets, p.captured())
	}
	return c
}

func (c *capture) Next() (pcapfile.Packet, error) {
	if len(c.packets) == 0 {
		if c.end != nil {
			return pcapfile.Packet{}, c.end
		}
		return pcapfile.Packet{}, io.EOF
	}
	p := c.packets[0]
	c.packets = c.packets[1:]
	return p, nil
}

// script is a classifier that gives out verdicts by number, the default slice beyond them, and keeps what it was asked.
type script struct {
	verdicts []bpf.Verdict
	asked    []asked
}

type asked struct {
	Frame    []byte
	Length   int
	At       time.Duration
	Outbound bool
}

func (s *script) Packet(frame []byte, length int, at time.Duration, outbound bool) (bpf.Verdict, error) {
	n := len(s.asked)
	s.asked = append(s.asked, asked{bytes.Clone(frame), length, at, outbound})
	if n < len(s.verdicts) {
		return s.verdicts[n], nil
	}
	return byDefault, nil
}

var (
	byDefault = bpf.Verdict{Slice: uint8(Media), Rank: uint8(bpf.RankDefault)}
	stun      = bpf.Verdict{Slice: uint8(Signalling), Rank: uint8(bpf.RankProvisional), Kind: 8}
	audio     = bpf.Verdict{Slice: uint8(Realtime), Rank: uint8(bpf.RankStructure), Kind: 10}
	video     = bpf.Verdict{Slice: uint8(Realtime), Rank: uint8(bpf.RankStructure), Kind: 11}
)

func replayed(t *testing.T, s *script, cfg Config, packets ...packet) *Report {
	t.Helper()
	r, err := Run(s, captureOf(packets...), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
