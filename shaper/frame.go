package shaper

import (
	"encoding/binary"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// firstFrame makes the Ethernet frame that a flow would begin with: a TCP SYN, a DNS or NTP query where the port says so, else
// a datagram without content.
func firstFrame(f slice.Flow) []byte {
	local, remote := f.Local.Addr().Unmap(), f.Remote.Addr().Unmap()
	transport := firstSegment(f)
	frame := make([]byte, 12, 128)
	if local.Is4() {
		frame = append(frame, 0x08, 0x00, 0x45, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(20+len(transport)))
		frame = append(frame, 0, 0, 0x40, 0, 64, byte(f.Proto), 0, 0)
		frame = append(frame, local.AsSlice()...)
		frame = append(frame, remote.AsSlice()...)
		return append(frame, transport...)
	}
	frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(transport)))
	frame = append(frame, byte(f.Proto), 64)
	a, b := bpf.Address(local), bpf.Address(remote)
	frame = append(append(frame, a[:]...), b[:]...)
	return append(frame, transport...)
}

func firstSegment(f slice.Flow) []byte {
	segment := binary.BigEndian.AppendUint16(nil, f.Local.Port())
	segment = binary.BigEndian.AppendUint16(segment, f.Remote.Port())
	if f.Proto == slice.TCP {
		const syn = 0x02
		return append(segment, 0, 0, 0, 0, 0, 0, 0, 0, 5<<4, syn, 0xff, 0xff, 0, 0, 0, 0)
	}
	var query []byte
	switch {
	case f.Remote.Port() == 53:
		query = []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1} // the root's address (RFC 1035, section 4.1)
	case f.Remote.Port() == 123:
		query = make([]byte, 48)
		query[0] = 4<<3 | 3 // version 4, client (RFC 5905, section 7.3)
	}
	segment = binary.BigEndian.AppendUint16(segment, uint16(8+len(query)))
	return append(append(segment, 0, 0), query...)
}
