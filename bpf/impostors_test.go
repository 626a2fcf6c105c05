package bpf

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// noise makes bytes that are the same in every run.
type noise struct{ *rand.Rand }

func (r noise) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// many makes n datagrams of random bytes; shape sets what is not random in the i-th.
func (r noise) many(n, size int, shape func(b []byte, i int)) (payloads [][]byte) {
	for i := range n {
		b := r.bytes(size)
		shape(b, i)
		payloads = append(payloads, b)
	}
	return payloads
}

// impostors collects flows that are in the default slice, whatever they look like.
type impostors struct {
	noise
	rows []row
}

func (all *impostors) add(name string, payloads [][]byte) {
	all.rows = append(all.rows, row{name, 40000, 50000, payloads, nothing})
}

// What must not fool it, see docs/classification.md.
func TestImpostors(t *testing.T) {
	all := &impostors{noise: noise{rand.New(rand.NewPCG(1, 2))}}
	all.tunnels()
	all.transports()
	all.quic()
	all.games()
	all.add("bittorrent dht", one([]byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")))
	all.add("random", all.many(5000, 200, func([]byte, int) {}))
	all.add("random in the range of rtp", all.many(5000, 200, func(b []byte, i int) {
		b[0], b[1] = 0x80, 0
		binary.BigEndian.PutUint16(b[2:], uint16(i)) // even a sequence: the source must stay
	}))
	newPlane(t).checkRows(t, protoUDP, all.rows)
}

func (all *impostors) tunnels() {
	for kind, size := range map[byte]int{1: 148, 2: 92, 3: 64, 4: 1452} {
		all.add("wireguard", all.many(50, size, func(b []byte, i int) {
			copy(b, []byte{kind, 0, 0, 0})
			binary.LittleEndian.PutUint64(b[8:], uint64(i)) // of type 4: a counter
		}))
	}
	spi := []byte{0x81, 0x10, 0x22, 0x33}
	all.add("esp in udp", all.many(500, 1400, func(b []byte, i int) {
		copy(b, spi)
		binary.BigEndian.PutUint32(b[4:], uint32(i))
	}))
	// A random number, then the receiver's address, which stays as an RTP source does.
	all.add("zerotier", all.many(500, 1400, func(b []byte, _ int) {
		b[0] = 0x80 | b[0]&0x3f
		copy(b[8:], []byte{0x51, 0xce, 0x6a, 0x7e, 0x01})
	}))
	for _, opcode := range []byte{0x38, 0x40, 0x28, 0x20, 0x48, 0x30} { // opcode and key in a byte
		session := all.bytes(8)
		all.add("openvpn", all.many(100, 1400, func(b []byte, _ int) {
			b[0] = opcode
			copy(b[1:], session)
		}))
	}
	all.add("ike", all.many(20, 400, func(b []byte, i int) { // RFC 7296, section 2.23: four zeros before it on port 4500
		clear(b[:4])
		b[4] = byte(i)
	}))
	all.add("nat keep-alive", times(20, []byte{0xff})) // RFC 3948, section 2.3
	all.add("vxlan", all.many(50, 1450, func(b []byte, _ int) { copy(b, []byte{8, 0, 0, 0, 0, 0, 42, 0}) }))
	all.add("gtp", all.many(50, 1400, func(b []byte, _ int) { copy(b, []byte{0x30, 0xff, 5, 0x70, 0, 0, 0, 9}) }))
	all.add("mosh", all.many(200, 120, func(b []byte, i int) {
		binary.BigEndian.PutUint64(b, 1<<63|uint64(i))
	}))
}

func (all *impostors) transports() {
	for _, b0 := range []byte{0x01, 0x11, 0x21, 0x31, 0x41} {
		connection := all.bytes(2)
		all.add("utp", all.many(50, 20, func(b []byte, i int) {
			b[0], b[1] = b0, 0
			copy(b[2:], connection)
			binary.BigEndian.PutUint16(b[16:], uint16(i))
		}))
	}
	// A stream of it as large as it gets, with a clock, and a selective acknowledgement (BEP 29).
	for _, first := range []byte{0x01, 0x21} {
		all.add("utp stream", all.many(500, 1402, func(b []byte, i int) {
			copy(b, []byte{first, byte(i % 2), 0x12, 0x34})
			binary.BigEndian.PutUint32(b[4:], uint32(i)*10_000)
			binary.BigEndian.PutUint16(b[16:], uint16(i))
		}))
	}
	for kind := range byte(9) {
		all.add("srt control", all.many(50, 44, func(b []byte, i int) {
			copy(b, []byte{0x80, kind, 0, 0, 0, 0, 0, byte(i)})
			binary.BigEndian.PutUint32(b[8:], uint32(i)*10_000) // a clock in microseconds
			copy(b[12:], "peer")
		}))
	}
	for _, from := range []uint32{0, 0x20000000, 0x24000000, 0x3ffffff0, 0x40000000, 0x7ffffff0} {
		all.add("srt data", all.many(50, 1332, func(b []byte, i int) {
			binary.BigEndian.PutUint32(b, (from+uint32(i))&0x7fffffff) // the first bit is zero
			binary.BigEndian.PutUint32(b[4:], 0xe0000000+uint32(i))    // a message's number
			binary.BigEndian.PutUint32(b[8:], uint32(i)*1000)          // a clock
		}))
	}
	all.add("stun without its cookie", all.many(50, 28, func(b []byte, _ int) { copy(b, []byte{0, 1, 0, 8, 0, 0, 0, 0}) })) // RFC 3489
	all.add("coap", all.many(50, 40, func(b []byte, i int) {
		copy(b, []byte{0x44, 1})
		binary.BigEndian.PutUint16(b[2:], uint16(i))
	}))
}

func (all *impostors) quic() {
	for name, b0 := range map[string]byte{"quic initial": 0xc3, "quic 0-rtt": 0xd0, "quic without its fixed bit": 0x83} {
		for _, version := range [][]byte{{0, 0, 0, 1}, {0x6b, 0x33, 0x43, 0xcf}, {0, 0, 0, 0}} {
			id := all.bytes(8)
			want := nothing
			if b0 >= 0xc0 {
				want = judgement{media, RankDefault, "quic"}
			}
			all.rows = append(all.rows, row{name, 40000, 50000, all.many(20, 1200, func(b []byte, _ int) {
				b[0] = b0
				copy(b[1:], version)
				b[5] = 8
				copy(b[6:], id)
			}), want})
		}
	}
	all.add("quic", all.many(500, 1200, func(b []byte, _ int) { b[0] = 0x40 | b[0]&0x3f }))
	id := all.bytes(8)
	all.add("quic with an id, without its fixed bit", all.many(500, 1200, func(b []byte, _ int) {
		b[0] &= 0x3f
		copy(b[1:], id)
	}))
}

func (all *impostors) games() {
	all.add("quake and source", all.many(50, 300, func(b []byte, _ int) { copy(b, []byte{0xff, 0xff, 0xff, 0xff}) }))
	all.add("raknet", all.many(500, 600, func(b []byte, i int) {
		b[0] = 0x84
		copy(b[1:], binary.LittleEndian.AppendUint32(nil, uint32(i))[:3])
		copy(b[4:], []byte{0x60, 0x12, 0xc0, 0, 0, 0, 0, 0, 0})
	}))
	all.add("kcp", all.many(500, 1400, func(b []byte, i int) {
		copy(b, []byte{0x91, 0x22, 0x33, 0x44, 81, 0, 0x80, 0})
		binary.LittleEndian.PutUint32(b[8:], uint32(i)*10)
		binary.LittleEndian.PutUint32(b[12:], uint32(i))
	}))
}

// What is encrypted from its first byte on is looked into for as long as it lasts, some packets a second, and once is enough to be
// taken for something else: so that must be rare.
func TestRandomPackets(t *testing.T) {
	const packets, most = 150_000, 1
	p := newPlane(t)
	r := noise{rand.New(rand.NewPCG(3, 4))}
	kinds := make(map[string]int)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 1400)}
	frame := pk.bytes()
	for range packets {
		copy(frame[42:], r.bytes(24))
		v, _, err := p.Judge(venueIn, frame)
		p.must(err)
		if v.Slice != media {
			kinds[KindName(Kind(v.Kind))]++
		}
	}
	n := 0
	for _, count := range kinds {
		n += count
	}
	if n > most {
		t.Errorf("of %d random packets, %v were taken for something, want at most %d", packets, kinds, most)
	}
}
