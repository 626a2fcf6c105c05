package bpf

import (
	"encoding/binary"
	"net/netip"
)

// EtherTypes and IP protocols that frames of tests are made of.
const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherVLAN  = 0x8100
	etherIPv6  = 0x86dd
	etherPPPoE = 0x8864
	etherQinQ  = 0x88a8

	protoHop      = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDestOpts = 60
)

// packet is what a test sends; the zero value of each field but the addresses is the plainest choice.
type packet struct {
	from, to netip.AddrPort
	proto    uint8 // 0: UDP
	payload  []byte
	mac      byte     // the last of the sender's MAC; 0: 1
	tags     []uint16 // EtherTypes of VLAN tags, outermost first
	pppoe    bool
	dscp     uint8
	ecn      uint8
	options  []byte   // IPv4's
	exts     []header // IPv6's extension headers
	fragment *fragment
	udpLen   *uint16 // what UDP says of itself, where that is not the truth
	icmpType uint8
	icmpID   uint16
}

// header is an IPv6 extension header without its first byte, which says what follows.
type header struct {
	proto uint8
	rest  []byte
}

// fragment is one part of a packet, whose payload is then what follows the IP header, but for the first part.
type fragment struct {
	ident  uint32
	offset uint16 // in units of 8 bytes
	more   bool
}

// Extension headers of each kind, the smallest and a longer one of each that has a length.
var (
	hopByHop    = header{protoHop, []byte{0, 5, 2, 0, 0, 1, 0}} // router alert (RFC 2711)
	hopByHop16  = header{protoHop, append([]byte{1, 1, 12}, make([]byte, 12)...)}
	routing     = header{protoRouting, append([]byte{2, 4, 0, 0, 0, 0, 0}, make([]byte, 16)...)} // a segment (RFC 8754)
	destOptions = header{protoDestOpts, []byte{0, 1, 4, 0, 0, 0, 0}}
	authentic   = header{protoAH, append([]byte{4}, make([]byte, 22)...)} // 24 bytes, by words less two (RFC 4302)
	lone        = header{protoFragment, []byte{0, 0, 0, 0, 0, 0, 9}}      // a fragment that is the whole (RFC 6946)
)

func (p packet) bytes() []byte {
	mac := p.mac
	if mac == 0 {
		mac = 1
	}
	f := []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, mac}
	for _, tag := range p.tags {
		f = binary.BigEndian.AppendUint16(f, tag)
		f = append(f, 0, 42)
	}
	ip, ether, ppp := p.ip(), uint16(etherIPv4), byte(0x21)
	if p.from.Addr().Is6() {
		ether, ppp = etherIPv6, 0x57
	}
	if p.pppoe {
		f = binary.BigEndian.AppendUint16(f, etherPPPoE)
		f = append(f, 0x11, 0, 0, 7)
		f = binary.BigEndian.AppendUint16(f, uint16(len(ip)+2))
		return append(append(f, 0, ppp), ip...)
	}
	return append(binary.BigEndian.AppendUint16(f, ether), ip...)
}

func (p packet) protocol() uint8 {
	if p.proto == 0 {
		return protoUDP
	}
	return p.proto
}

// ip gives the frame from IP on.
func (p packet) ip() []byte {
	body := p.payload
	if p.fragment == nil || p.fragment.offset == 0 {
		body = p.transport()
	}
	if p.from.Addr().Is6() {
		return p.ipv6(body)
	}
	h := make([]byte, 20, 20+len(p.options)+len(body))
	h = append(h, p.options...)
	h[0] = 0x40 | byte(len(h)/4)
	h[1] = p.dscp<<2 | p.ecn
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(body)))
	if fr := p.fragment; fr != nil {
		binary.BigEndian.PutUint16(h[4:], uint16(fr.ident))
		word := fr.offset
		if fr.more {
			word |= 0x2000
		}
		binary.BigEndian.PutUint16(h[6:], word)
	}
	h[8], h[9] = 64, p.protocol()
	copy(h[12:], p.from.Addr().AsSlice())
	copy(h[16:], p.to.Addr().AsSlice())
	binary.BigEndian.PutUint16(h[10:], ^sum16(h))
	return append(h, body...)
}

func (p packet) ipv6(body []byte) []byte {
	exts := p.exts
	if fr := p.fragment; fr != nil {
		word := fr.offset << 3
		if fr.more {
			word |= 1
		}
		rest := binary.BigEndian.AppendUint16([]byte{0}, word)
		exts = append(exts[:len(exts):len(exts)], header{protoFragment, binary.BigEndian.AppendUint32(rest, fr.ident)})
	}
	next, tail := p.protocol(), body
	for i := len(exts) - 1; i >= 0; i-- {
		tail = append(append([]byte{next}, exts[i].rest...), tail...)
		next = exts[i].proto
	}
	h := make([]byte, 40, 40+len(tail))
	binary.BigEndian.PutUint32(h, 6<<28|uint32(p.dscp)<<22|uint32(p.ecn)<<20|0xabcde)
	binary.BigEndian.PutUint16(h[4:], uint16(len(tail)))
	h[6], h[7] = next, 64
	copy(h[8:], p.from.Addr().AsSlice())
	copy(h[24:], p.to.Addr().AsSlice())
	return append(h, tail...)
}

// transport gives the transport header with the payload.
func (p packet) transport() []byte {
	var h []byte
	switch p.protocol() {
	case protoUDP:
		length := uint16(8 + len(p.payload))
		if p.udpLen != nil {
			length = *p.udpLen
		}
		h = binary.BigEndian.AppendUint16(p.ports(), length)
		h = append(h, 0, 0)
	case protoTCP:
		h = append(p.ports(), make([]byte, 16)...)
		h[12], h[13] = 5<<4, 0x10
	case protoICMP, protoICMPv6:
		h = binary.BigEndian.AppendUint16([]byte{p.icmpType, 0, 0, 0}, p.icmpID)
		h = append(h, 0, 1)
	}
	return append(h, p.payload...)
}

func (p packet) ports() []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, p.from.Port()), p.to.Port())
}

// sum16 is the Internet checksum before its last negation (RFC 1071).
func sum16(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
