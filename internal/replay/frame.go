package replay

import (
	"encoding/binary"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// maxFrame is what every kernel's test run takes: a page less its own books. No program looks so far into a packet.
const maxFrame = 3500

// Links that begin with an IP header as pcapfile.Raw does, of one family.
const (
	rawIPv4 pcapfile.Link = 228
	rawIPv6 pcapfile.Link = 229
)

// Lengths of link-layer headers.
const (
	etherHeader   = 14
	cookedHeader  = 16
	cooked2Header = 20
)

// EtherTypes.
const (
	typeIPv4    = 0x0800
	typeIPv6    = 0x86dd
	typeVLAN    = 0x8100
	typeQinQ    = 0x88a8
	typeOldQinQ = 0x9100
	typePPPoE   = 0x8864
)

// A rebuilt frame's MACs: those of nobody, locally administered.
var macs = [12]byte{0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01}

// known reports whether packets of a link can be made Ethernet frames.
func known(link pcapfile.Link) bool {
	switch link {
	case pcapfile.Ethernet, pcapfile.Raw, rawIPv4, rawIPv6, pcapfile.Cooked, pcapfile.Cooked2:
		return true
	}
	return false
}

// ethernet gives a packet of a known link as an Ethernet frame, with its length on the wire; false where its header is cut.
func ethernet(p pcapfile.Packet) (frame []byte, length int, ok bool) {
	b := p.Data
	switch p.Link {
	case pcapfile.Ethernet:
		return b, p.Length, len(b) >= etherHeader
	case pcapfile.Cooked: // libpcap's LINKTYPE_LINUX_SLL: packet type, ARPHRD type, length of the address, address, protocol
		if len(b) < cookedHeader {
			return nil, 0, false
		}
		frame = rebuilt(binary.BigEndian.Uint16(b[14:]), b[cookedHeader:], sender(b[6:14], uint16(b[4])<<8|uint16(b[5])))
		return frame, p.Length - cookedHeader + etherHeader, true
	case pcapfile.Cooked2: // LINKTYPE_LINUX_SLL2: protocol, two zeros, ifindex, ARPHRD type, packet type, length, address
		if len(b) < cooked2Header {
			return nil, 0, false
		}
		frame = rebuilt(binary.BigEndian.Uint16(b), b[cooked2Header:], sender(b[12:20], uint16(b[11])))
		return frame, p.Length - cooked2Header + etherHeader, true
	}
	if len(b) == 0 {
		return nil, 0, false
	}
	kind := uint16(typeIPv4)
	if b[0]>>4 == 6 {
		kind = typeIPv6
	}
	return rebuilt(kind, b, nil), p.Length + etherHeader, true
}

// sender is the MAC in a cooked header's field of eight bytes; nil where the link has another kind of address.
func sender(field []byte, length uint16) []byte {
	if length != 6 {
		return nil
	}
	return field[:6]
}

// rebuilt puts an Ethernet header before what a type stands for.
func rebuilt(kind uint16, rest, source []byte) []byte {
	frame := make([]byte, 0, etherHeader+len(rest))
	frame = append(frame, macs[:]...)
	if source != nil {
		copy(frame[6:], source)
	}
	return append(binary.BigEndian.AppendUint16(frame, kind), rest...)
}
