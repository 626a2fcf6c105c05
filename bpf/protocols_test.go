package bpf

import (
	"strings"
	"testing"
)

// Protocols that have a port, carry others, or go over TCP. What is for the default slice by its kind has no rank above the default.
func byDefault(kind string) judgement { return judgement{media, RankDefault, kind} }

var (
	toDefault = judgement{media, RankProvisional, "turn"} // data in a channel that is no call's
	unknown   = make([]byte, 60)
)

func sip(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n") }

// sipStarts are first lines of SIP messages (RFC 3261, section 7), and what is like them.
func sipStarts() (are, areNot map[string][]byte) {
	are, areNot = make(map[string][]byte), make(map[string][]byte)
	for _, line := range []string{
		"INVITE sip:bob@venue.test SIP/2.0", "REGISTER sip:venue.test SIP/2.0", "ACK sips:bob@venue.test SIP/2.0", "BYE tel:+390001 SIP/2.0",
		"SUBSCRIBE sip:bob@venue.test SIP/2.0", "INVITE urn:service:sos SIP/2.0", "SIP/2.0 100 Trying", "SIP/2.0 200 OK",
	} {
		are["sip: "+line] = sip(line, "Via: x")
	}
	for _, line := range []string{
		"GET /sip:bob HTTP/1.1", "INVITE http://venue.test/ HTTP/1.1", "invite sip:bob@venue.test SIP/2.0", "SIP/1.0 200 OK", "SIP/2.01 200 OK",
		"AB sip:bob@venue.test SIP/2.0", "ABCDEFGHIJ sip:bob@venue.test SIP/2.0", "INVITE  sip:bob@venue.test SIP/2.0",
	} {
		areNot["no sip: "+line] = sip(line, "Via: x")
	}
	return are, areNot
}

// datagramRows are those of UDP that take a port, a flow's past, or a text.
func datagramRows() []row {
	rows := []row{
		{"doq", 40000, 853, one(quicLong(0xc3, 1, 1200)), structure("dns")},
		{"quic elsewhere", 40000, 443, one(quicLong(0xc3, 1, 1200)), byDefault("quic")},
		{"quic 2", 40000, 443, one(quicLong(0xd3, 0x6b3343cf, 1200)), byDefault("quic")},
		{"quic, names of versions", 443, 40000, one(quicLong(0xca, 0, 27)), byDefault("quic")},
		{"quic, of another version", 40000, 443, one(quicLong(0xc3, 0x51303436, 1200)), nothing},
		{"quic, an id too long", 40000, 443, one(change(quicLong(0xc3, 1, 1200), 5, 21)), nothing},
		{"quic, learned, then like rtp", 40000, 443, join(one(quicLong(0xc3, 1, 1200)), stream(20, 1, 1, 200)), byDefault("quic")},
		{"quic, learned, then like stun", 40000, 443, join(one(quicLong(0xc3, 1, 1200)), one(stun(0))), byDefault("quic")},
		{"channel of audio", 40000, 3478, inChannel(stream(2, 1, 1, 160)...), audio},
		{"channel of video", 40000, 3478, inChannel(pictures(2, 1100)...), video},
		{"channels of two streams", 40000, 3478, inChannel(interleaved(2, 2)...), audio},
		{"channel of the last number", 40000, 3478, join(one(allocate()), one(channel(0x7fff, rtp(1, 1, 60), 0)), one(channel(0x7fff, rtp(1, 2, 60), 0))), audio},
		{"channel bound, seen first", 40000, 3478, join(one(change(stun(8), 0, 0, 9)), inChannel(stream(2, 1, 1, 160)...)[1:]), audio},
		{"channel of stun", 40000, 3478, inChannel(stun(0)), provisional("stun")},
		{"channel of rtcp", 40000, 3478, inChannel(rtcp(14)), provisional("stun")},
		{"channel of anything", 40000, 3478, inChannel(unknown), toDefault},
		{"channel of nothing", 40000, 3478, inChannel([]byte{1, 2, 3, 4}), toDefault},
		{"channel of anything, then refreshed", 40000, 3478, join(inChannel(unknown), one(change(stun(4), 0, 0, 4))), toDefault},
		{"channel of anything, then of audio", 40000, 3478, join(inChannel(unknown), inChannel(stream(2, 1, 1, 160)...)), audio},
		{"channel of another channel", 40000, 3478, inChannel(channel(0x4001, rtp(1, 1, 60), 0), channel(0x4001, rtp(1, 2, 60), 0)), toDefault},
		{"channel without an allocation", 40000, 3478, inChannel(stream(2, 1, 1, 160)...)[1:], nothing},
		{"channel after a binding alone", 40000, 3478, join(one(stun(0)), inChannel(stream(2, 1, 1, 160)...)[1:]), provisional("stun")},
		{"channel that says too much", 40000, 3478, join(one(allocate()), one(change(channel(0x4001, unknown, 0), 3, 61))), provisional("stun")},
	}
	are, areNot := sipStarts()
	for name, payload := range are {
		rows = append(rows, row{name, 5060, 5060, one(payload), structure("sip")}, row{name + " elsewhere", 40000, 40001, one(payload), structure("sip")})
	}
	for name, payload := range areNot {
		rows = append(rows, row{name, 5060, 5060, one(payload), nothing})
	}
	return append(rows, row{"sip keep-alive alone", 5060, 5060, times(3, []byte("\r\n\r\n")), nothing})
}

// segmentRows are those of TCP; each payload is a segment.
func segmentRows() []row {
	query := dnsQuery()
	answer := change(append(dnsQuery(), make([]byte, 3000)...), 2, 0x81, 0x80)
	rows := []row{
		{"dns query", 40000, 53, one(inSegment(query)), structure("dns")},
		{"dns, its length alone", 40000, 53, [][]byte{inSegment(query)[:2], query}, structure("dns")},
		{"dns, the first segment of a long answer", 53, 40000, one(inSegment(answer)[:1400]), structure("dns")},
		{"dns elsewhere", 40000, 5353, one(inSegment(query)), nothing},
		{"dns update", 40000, 53, one(inSegment(change(query, 2, 0x28))), nothing},
		{"dns over tls", 40000, 853, one(tlsHello(300)), structure("dns")},
		{"port 853 without tls", 40000, 853, one(unknown), nothing},
		{"sip over tls", 40000, 5061, one(tlsHello(583)), structure("sip")},
		{"tls", 40000, 443, one(tlsHello(583)), byDefault("tls")},
		{"tls, a server's hello", 443, 40000, one(change(tlsHello(300), 5, 2)), byDefault("tls")},
		{"tls, no hello", 40000, 443, one(change(tlsHello(583), 0, 23)), nothing},
		{"ssl 2", 40000, 443, one(change(tlsHello(583), 1, 2)), nothing},
		{"stun", 40000, 3478, one(stun(0)), provisional("stun")},
		{"two stun messages", 40000, 3478, one(append(stun(4), stun(0)...)), provisional("stun")},
		{"stun that goes on in the next segment", 40000, 3478, one(stun(8)[:24]), nothing},
		{"stun without the cookie", 40000, 3478, one(change(stun(0), 7, 0x43)), nothing},
		{"channel of audio", 40000, 3478, inChannel(stream(3, 1, 1, 161)...), audio},
		{"channel of video", 40000, 443, inChannel(pictures(3, 1101)...), video},
		{"channel of anything", 40000, 3478, inChannel(unknown), toDefault},
		{"channel without an allocation", 40000, 3478, inChannel(stream(2, 1, 1, 160)...)[1:], nothing},
		{"rtp without a channel", 40000, 3478, stream(5, 1, 1, 160), nothing},
		{"http", 40000, 80, one([]byte("GET / HTTP/1.1\r\nHost: venue.test\r\n\r\n")), nothing},
		{"ssh", 40000, 22, one([]byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")), nothing},
		{"bittorrent", 40000, 6881, one([]byte("\x13BitTorrent protocol\x00\x00\x00\x00\x00\x10\x00\x05")), nothing},
	}
	are, areNot := sipStarts()
	for name, payload := range are {
		rows = append(rows, row{name, 40000, 5060, one(payload), structure("sip")})
	}
	for name, payload := range areNot {
		rows = append(rows, row{name, 40000, 5060, one(payload), nothing})
	}
	return rows
}

func TestDatagrams(t *testing.T) { newPlane(t).checkRows(t, protoUDP, datagramRows()) }

func TestSegments(t *testing.T) { newPlane(t).checkRows(t, protoTCP, segmentRows()) }
