package corpus

import (
	"encoding/binary"
	"net/netip"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// Datagram is what a packet's headers say.
type Datagram struct {
	Proto    slice.Proto
	Src, Dst netip.AddrPort // ports are 0 for what has none, and for a later fragment
	Length   int            // of the IP packet
	Payload  []byte         // of TCP, UDP or what else it is, as far as captured
	Size     int            // of the payload, as the headers have it
	Seq      uint32         // of TCP

	fragment bool
	later    bool // not the first fragment
	ident    uint32
}

// EtherTypes.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100
	typeQinQ = 0x88a8
)

// IPv6 extension headers that are walked over.
const (
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	destination = 60
)

// Dissect reads a packet's headers; false is for what is not IP, or too short to say.
func Dissect(p pcapfile.Packet) (Datagram, bool) {
	kind, b, ok := network(p.Link, p.Data)
	switch {
	case !ok:
		return Datagram{}, false
	case kind == typeIPv4:
		return dissect4(b)
	case kind == typeIPv6:
		return dissect6(b)
	}
	return Datagram{}, false
}

// network finds the EtherType and what it stands for.
func network(link pcapfile.Link, b []byte) (kind uint16, rest []byte, ok bool) {
	// Where the type is, and how long the header.
	at, length := 12, 14
	switch link {
	case pcapfile.Raw:
		if len(b) > 0 && b[0]>>4 == 6 {
			return typeIPv6, b, true
		}
		return typeIPv4, b, len(b) > 0
	case pcapfile.Cooked:
		at, length = 14, 16
	case pcapfile.Cooked2:
		at, length = 0, 20
	}
	if len(b) < length {
		return 0, nil, false
	}
	kind, b = binary.BigEndian.Uint16(b[at:]), b[length:]
	for kind == typeVLAN || kind == typeQinQ {
		if len(b) < 4 {
			return 0, nil, false
		}
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	return kind, b, true
}

func dissect4(b []byte) (Datagram, bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return Datagram{}, false
	}
	header, length := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < 20 || len(b) < header || length < header {
		return Datagram{}, false
	}
	flags := binary.BigEndian.Uint16(b[6:])
	d := Datagram{
		Proto:    slice.Proto(b[9]),
		Src:      netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0),
		Dst:      netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0),
		Length:   length,
		fragment: flags&0x3fff != 0,
		later:    flags&0x1fff != 0,
		ident:    uint32(binary.BigEndian.Uint16(b[4:])),
	}
	return d.transport(b[header:min(len(b), length)], length-header)
}

func dissect6(b []byte) (Datagram, bool) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return Datagram{}, false
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	d := Datagram{
		Proto:  slice.Proto(b[6]),
		Src:    netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), 0),
		Dst:    netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])), 0),
		Length: 40 + size,
	}
	rest := b[40:min(len(b), d.Length)]
	for d.Proto == hopByHop || d.Proto == routing || d.Proto == fragment || d.Proto == destination {
		if len(rest) < 8 {
			return Datagram{}, false
		}
		length := 8 + int(rest[1])*8
		if d.Proto == fragment {
			length = 8
			place := binary.BigEndian.Uint16(rest[2:])
			d.fragment = place&0xfff9 != 0
			d.later = place&0xfff8 != 0
			d.ident = binary.BigEndian.Uint32(rest[4:])
		}
		if len(rest) < length {
			return Datagram{}, false
		}
		d.Proto = slice.Proto(rest[0])
		rest, size = rest[length:], size-length
		if d.later {
			break
		}
	}
	return d.transport(rest, size)
}

// transport reads the ports, and takes the transport's header off. size is what the IP header leaves.
func (d Datagram) transport(b []byte, size int) (Datagram, bool) {
	d.Payload, d.Size = b, size
	if d.later || d.Proto != slice.UDP && d.Proto != slice.TCP {
		return d, true
	}
	header := 8
	switch {
	case d.Proto == slice.TCP && len(b) >= 20:
		header = int(b[12]>>4) * 4
	case d.Proto == slice.TCP:
		return Datagram{}, false
	}
	if len(b) < header || header < 8 || size < header {
		return Datagram{}, false
	}
	d.Src = netip.AddrPortFrom(d.Src.Addr(), binary.BigEndian.Uint16(b))
	d.Dst = netip.AddrPortFrom(d.Dst.Addr(), binary.BigEndian.Uint16(b[2:]))
	if d.Proto == slice.TCP {
		d.Seq = binary.BigEndian.Uint32(b[4:])
	}
	d.Payload, d.Size = b[header:], size-header
	return d, true
}
