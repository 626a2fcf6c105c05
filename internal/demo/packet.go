package demo

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Sizes of headers: RTP (RFC 3550, section 5.1), STUN (RFC 8489, section 5).
const (
	rtpHeader  = 12
	stunHeader = 20
	stampSize  = 8
)

const (
	stunCookie          = 0x2112A442
	stunBindingRequest  = 0x0001
	stunBindingResponse = 0x0101
	rtcpReceiverReport  = 201
)

// plain begins datagrams that no structure tells: none of RFC 7983's ranges, and QUIC's only for who has seen the flow begin.
const plain = 0x70

// kindOf tells the packets of a call's 5-tuple apart by their first bytes (RFC 7983, RFC 5761).
type kind int

const (
	kindOther kind = iota
	kindSTUN
	kindRTP
	kindRTCP
)

func kindOf(b []byte) kind {
	switch {
	case len(b) >= stunHeader && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == stunCookie:
		return kindSTUN
	case len(b) < rtpHeader || b[0]>>6 != 2:
		return kindOther
	case b[1] >= 192 && b[1] <= 223:
		return kindRTCP
	}
	return kindRTP
}

// stream is one RTP stream: a source with sequence numbers and media time.
type stream struct {
	ssrc        uint32
	payloadType byte
	seq         uint16
	mediaTime   uint32
}

// next makes the stream's next packet, of the given payload size, in buf. The payload begins with the time at which it is sent.
// marked packets end a frame.
func (s *stream) next(buf []byte, payload int, marked bool, now time.Time) []byte {
	b := buf[:rtpHeader+max(payload, stampSize)]
	b[0], b[1] = 2<<6, s.payloadType
	if marked {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], s.mediaTime)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	stamp(b, now)
	s.seq++
	return b
}

// stamp writes when an RTP packet is sent.
func stamp(b []byte, now time.Time) {
	binary.BigEndian.PutUint64(b[rtpHeader:], uint64(now.UnixNano()))
}

// stampOf reads when an RTP packet was sent.
func stampOf(b []byte) (time.Time, bool) {
	if len(b) < rtpHeader+stampSize {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b[rtpHeader:]))), true
}

// turnAround makes an RTP packet one of the answering side: another source, the same sequence and content.
func turnAround(b []byte) {
	b[8] ^= 0x80
}

// bindingRequest is a STUN request whose transaction is a time.
func bindingRequest(now time.Time) []byte {
	b := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(b, stunBindingRequest)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	binary.BigEndian.PutUint64(b[8:], uint64(now.UnixNano()))
	return b
}

// bindingResponse answers a request with the XOR-mapped address that it came from (RFC 8489, section 14.2).
func bindingResponse(request []byte, from netip.AddrPort) []byte {
	const header, attribute = 4, 0x0020
	addr := from.Addr().Unmap().AsSlice()
	family := byte(1)
	if len(addr) == 16 {
		family = 2
	}
	b := append(make([]byte, 0, stunHeader+header+4+len(addr)), request[:stunHeader]...)
	binary.BigEndian.PutUint16(b, stunBindingResponse)
	binary.BigEndian.PutUint16(b[2:], uint16(header+4+len(addr)))
	b = binary.BigEndian.AppendUint16(b, attribute)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(addr)))
	b = append(b, 0, family)
	b = binary.BigEndian.AppendUint16(b, from.Port()^stunCookie>>16)
	for i := range addr {
		addr[i] ^= request[4+i] // cookie, then transaction
	}
	return append(b, addr...)
}

// receiverReport is an RTCP packet that reports nothing lost from a source (RFC 3550, section 6.4.2).
func receiverReport(reporter, source uint32) []byte {
	b := make([]byte, 32)
	b[0], b[1] = 2<<6|1, rtcpReceiverReport
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	binary.BigEndian.PutUint32(b[4:], reporter)
	binary.BigEndian.PutUint32(b[8:], source)
	return b
}
