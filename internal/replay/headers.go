package replay

import (
	"encoding/binary"
	"net/netip"

	"github.com/slicegate/slicegate/internal/slice"
)

// headers are what of a packet tells its flow.
type headers struct {
	proto    slice.Proto
	src, dst netip.AddrPort // ports are 0 without hasPorts
	hasPorts bool           // of TCP or UDP, and captured
	length   int            // of the IP packet
	fragment fragmented
	ident    uint32 // of a fragment
}

type fragmented uint8

const (
	whole fragmented = iota
	first
	later
)

// content says what a frame holds.
type content uint8

const (
	isIP      content = iota
	notIP             // ARP and the like
	damagedIP         // a header is cut, or contradicts itself
)

// IPv6 extension headers that are walked over (RFC 8200, section 4; RFC 4302).
const (
	extHopByHop = 0
	extRouting  = 43
	extFragment = 44
	extAuth     = 51
	extOptions  = 60

	maxExtensions = 8
)

// parse reads a frame's headers as the programs do. length is that of the frame on the wire.
func parse(frame []byte, length int) (headers, content) {
	kind, at, ok := network(frame)
	switch {
	case !ok:
		return headers{}, damagedIP
	case kind == typeIPv4:
		return parse4(frame[at:], length-at)
	case kind == typeIPv6:
		return parse6(frame[at:], length-at)
	}
	return headers{}, notIP
}

// network finds what is behind up to two VLAN tags and PPPoE; false where one of those is cut.
func network(frame []byte) (kind uint16, at int, ok bool) {
	kind, at = binary.BigEndian.Uint16(frame[12:]), etherHeader
	for range 2 {
		if kind != typeVLAN && kind != typeQinQ && kind != typeOldQinQ {
			break
		}
		if len(frame) < at+4 {
			return 0, 0, false
		}
		kind, at = binary.BigEndian.Uint16(frame[at+2:]), at+4
	}
	if kind != typePPPoE {
		return kind, at, true
	}
	if len(frame) < at+8 {
		return 0, 0, false
	}
	switch binary.BigEndian.Uint16(frame[at+6:]) {
	case 0x0021:
		kind = typeIPv4
	case 0x0057:
		kind = typeIPv6
	}
	return kind, at + 8, true
}

// parse4 reads IPv4; length is what the link layer carried.
func parse4(b []byte, length int) (headers, content) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return headers{}, damagedIP
	}
	if total := int(binary.BigEndian.Uint16(b[2:])); total > 0 { // 0 where a batch is longer than 64 kB
		length = total
	}
	header := int(b[0]&15) * 4
	if header < 20 || length < header {
		return headers{}, damagedIP
	}
	h := headers{
		proto:  slice.Proto(b[9]),
		src:    netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0),
		dst:    netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0),
		length: length,
	}
	if place := binary.BigEndian.Uint16(b[6:]); place&0x1fff != 0 {
		h.fragment = later
	} else if place&0x2000 != 0 {
		h.fragment = first
	}
	h.ident = uint32(binary.BigEndian.Uint16(b[4:]))
	h.readPorts(b, header)
	return h, isIP
}

// parse6 reads IPv6; length is what the link layer carried.
func parse6(b []byte, length int) (headers, content) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return headers{}, damagedIP
	}
	if size := int(binary.BigEndian.Uint16(b[4:])); size > 0 {
		length = 40 + size
	}
	h := headers{
		proto:  slice.Proto(b[6]),
		src:    netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), 0),
		dst:    netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])), 0),
		length: length,
	}
	at := 40
	for range maxExtensions {
		size := extensionSize(h.proto, b, at)
		if size == 0 || h.fragment == later {
			break
		}
		if h.proto == extFragment {
			place := binary.BigEndian.Uint16(b[at+2:])
			h.ident = binary.BigEndian.Uint32(b[at+4:])
			if place>>3 != 0 {
				h.fragment = later
			} else if place&1 != 0 {
				h.fragment = first
			}
		}
		h.proto, at = slice.Proto(b[at]), at+size
	}
	if isExtension(h.proto) && h.fragment != later {
		return headers{}, damagedIP
	}
	h.readPorts(b, at)
	return h, isIP
}

func isExtension(proto slice.Proto) bool {
	switch proto {
	case extHopByHop, extRouting, extFragment, extAuth, extOptions:
		return true
	}
	return false
}

// extensionSize is that of the extension header at an offset; 0 where there is none, or it is cut.
func extensionSize(proto slice.Proto, b []byte, at int) int {
	switch {
	case !isExtension(proto) || len(b) < at+8:
		return 0
	case proto == extFragment:
		return 8
	case proto == extAuth:
		return (int(b[at+1]) + 2) * 4
	}
	return (int(b[at+1]) + 1) * 8
}

// readPorts reads the ports of TCP and UDP, where they are there.
func (h *headers) readPorts(b []byte, at int) {
	if h.fragment == later || h.proto != slice.TCP && h.proto != slice.UDP || len(b) < at+4 || h.length < at+4 {
		return
	}
	h.src = netip.AddrPortFrom(h.src.Addr(), binary.BigEndian.Uint16(b[at:]))
	h.dst = netip.AddrPortFrom(h.dst.Addr(), binary.BigEndian.Uint16(b[at+2:]))
	h.hasPorts = true
}
