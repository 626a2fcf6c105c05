package tcnl

import "math"

// Link layers, for Rate.
const (
	Ethernet = 1
	ATM      = 2 // cells of 53 bytes carry 48
)

// Rate is a speed, and how long a frame is on the link.
type Rate struct {
	BytesPerSecond uint64
	Overhead       uint16 // bytes added to every frame
	MPU            uint16 // the smallest frame counts as this many bytes
	LinkLayer      uint8  // Ethernet or ATM
}

// ratespecLen is the size of struct tc_ratespec.
const ratespecLen = 12

// ratespec is r as struct tc_ratespec; a rate that does not fit is cut, and travels in an attribute of 64 bits as well.
func (r Rate) ratespec(b []byte) []byte {
	b = append(b, 0, r.LinkLayer)
	b = native.AppendUint16(b, r.Overhead)
	b = native.AppendUint16(b, 0) // cell_align
	b = native.AppendUint16(b, r.MPU)
	return native.AppendUint32(b, uint32(min(r.BytesPerSecond, math.MaxUint32)))
}

func (r Rate) long() bool { return r.BytesPerSecond > math.MaxUint32 }

func parseRatespec(b []byte) Rate {
	return Rate{
		LinkLayer:      u8(at(b, 1)) & 0x0f,
		Overhead:       u16(at(b, 2)),
		MPU:            u16(at(b, 6)),
		BytesPerSecond: uint64(u32(at(b, 8))),
	}
}
