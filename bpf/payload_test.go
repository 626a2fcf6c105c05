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

// senderReport is RTCP's (RFC 3550, section 6.4.1) with so many blocks, and what SRTCP puts behind it.
func senderReport(blocks, behind int) []byte {
	words := 6 + 6*blocks
	return append([]byte{0x80 | byte(blocks), 200, 0, byte(words)}, make([]byte, 4*words+behind)...)
}

// feedback is a picture loss indication (RFC 4585, section 6.3.1) alone, and what SRTCP puts behind it.
func feedback(behind int) []byte {
	return append([]byte{0x81, 206, 0, 2}, make([]byte, 8+behind)...)
}

// dtls13 is an encrypted record (RFC 9147, section 4) of so many bytes behind its header, whose first byte is given.
func dtls13(first byte, body int) []byte {
	p := []byte{first, 7}
	if first&8 != 0 {
		p = append(p, 7)
	}
	p = binary.BigEndian.AppendUint16(p, uint16(body))
	return append(p, make([]byte, body)...)
}

// allocate is a TURN client's first request (RFC 8656, section 7.1).
func allocate() []byte { return change(stun(8), 0, 0, 3) }

// channel is ChannelData (RFC 8656, section 12.4) with what pads it over TCP.
func channel(number uint16, inner []byte, padding int) []byte {
	p := binary.BigEndian.AppendUint16(nil, number)
	p = binary.BigEndian.AppendUint16(p, uint16(len(inner)))
	return append(append(p, inner...), make([]byte, padding)...)
}

// inChannel puts each payload into a channel, on a flow that allocated one first.
func inChannel(payloads ...[]byte) [][]byte {
	all := one(allocate())
	for _, inner := range payloads {
		all = append(all, channel(0x4001, inner, (4-len(inner)%4)%4))
	}
	return all
}

// inSegment puts a length before a DNS message (RFC 1035, section 4.2.2).
func inSegment(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// tlsHello is a client's first record (RFC 8446, section 5.1) of so many bytes.
func tlsHello(size int) []byte {
	p := binary.BigEndian.AppendUint16([]byte{22, 3, 1}, uint16(size-5))
	return append(append(p, 1, 0, 1, 0xfc, 3, 3), make([]byte, size-11)...)
}

// quicLong is a packet with a long header (RFC 9000, section 17.2) of so many bytes.
func quicLong(first byte, version uint32, size int) []byte {
	p := binary.BigEndian.AppendUint32([]byte{first}, version)
	p = append(p, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9)
	return append(p, make([]byte, size-len(p))...)
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
