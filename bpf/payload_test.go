package bpf

import "encoding/binary"

// stun is a Binding request (RFC 8489, section 5) with so many bytes of attributes.
func stun(attributes int) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0, 1}, uint16(attributes))
	p = append(p, 0x21, 0x12, 0xa4, 0x42)
	return append(p, make([]byte, 12+attributes)...)
}

// dtls is a handshake record (RFC 6347, section 4.1) of so many bytes behind its header.
func dtls(version uint16, body int) []byte {
	p := binary.BigEndian.AppendUint16([]byte{22}, version)
	p = append(p, 0, 0, 0, 0, 0, 0, 0, 1)
	p = binary.BigEndian.AppendUint16(p, uint16(body))
	return append(p, make([]byte, body)...)
}

// rtp is a packet (RFC 3550, section 5.1) of so many bytes in all.
func rtp(ssrc uint32, seq uint16, size int) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0x80, 96}, seq)
	p = binary.BigEndian.AppendUint32(p, uint32(seq)*960)
	p = binary.BigEndian.AppendUint32(p, ssrc)
	return append(p, make([]byte, size-12)...)
}

// rtcp is a receiver report (RFC 3550, section 6.4.2) with one block, and what SRTCP puts behind it.
func rtcp(behind int) []byte {
	p := append([]byte{0x81, 201, 0, 7}, make([]byte, 28)...)
	return append(p, make([]byte, behind)...)
}

// dnsQuery asks for the address of a (RFC 1035, section 4.1).
func dnsQuery() []byte {
	return append([]byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 1, 'a', 0, 0, 1, 0, 1)
}

// ntp is a client's request (RFC 5905, section 7.3).
func ntp() []byte {
	return append([]byte{4<<3 | 3}, make([]byte, 47)...)
}

// change gives a copy of b with other bytes from offset at on.
func change(b []byte, at int, to ...byte) []byte {
	c := append([]byte(nil), b...)
	copy(c[at:], to)
	return c
}
