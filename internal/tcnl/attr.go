package tcnl

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// native is the byte order of netlink, except where the kernel says otherwise.
var native = binary.NativeEndian

const (
	attrHeader = 4
	attrFlags  = 0xc000 // nested, network byte order
	nested     = 0x8000
)

// attrs walks the attributes in b: type and payload. It ends at the first that does not fit, as the kernel's own readers do.
func attrs(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= attrHeader {
			n := int(native.Uint16(b))
			if n < attrHeader || n > len(b) {
				return
			}
			if !yield(native.Uint16(b[2:])&^attrFlags, b[attrHeader:n]) {
				return
			}
			b = b[min(align(n), len(b)):]
		}
	}
}

func align(n int) int { return (n + 3) &^ 3 }

// The readers give zero for what is too short; what is longer than they know is a newer kernel's.

func u8(b []byte) uint8 {
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

func u16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return native.Uint16(b)
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return native.Uint32(b)
}

func u64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return native.Uint64(b)
}

// at reads past the end as nothing.
func at(b []byte, offset int) []byte {
	if offset >= len(b) {
		return nil
	}
	return b[offset:]
}

func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// encoder appends attributes to a message.
type encoder struct{ b []byte }

func (e *encoder) bytes(typ uint16, payload []byte) {
	e.b = native.AppendUint16(e.b, uint16(attrHeader+len(payload)))
	e.b = native.AppendUint16(e.b, typ)
	e.b = append(e.b, payload...)
	e.pad()
}

func (e *encoder) pad() {
	e.b = append(e.b, make([]byte, align(len(e.b))-len(e.b))...)
}

func (e *encoder) u32(typ uint16, v uint32) { e.bytes(typ, native.AppendUint32(nil, v)) }
func (e *encoder) u64(typ uint16, v uint64) { e.bytes(typ, native.AppendUint64(nil, v)) }

func (e *encoder) string(typ uint16, s string) { e.bytes(typ, append([]byte(s), 0)) }

// nest puts what fill adds into an attribute of its own.
func (e *encoder) nest(typ uint16, fill func()) {
	start := len(e.b)
	e.b = append(e.b, 0, 0, 0, 0)
	fill()
	native.PutUint16(e.b[start:], uint16(len(e.b)-start))
	native.PutUint16(e.b[start+2:], typ|nested)
}
