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
	for kind := range byte(9) {
		all.add("srt control", all.many(50, 44, func(b []byte, i int) {
			copy(b, []byte{0x80, kind, 0, 0, 0, 0, 0, byte(i)})
			binary.BigEndian.PutUint32(b[8:], uint32(i)*10_000) // a clock in microseconds
			copy(b[12:], "peer")
		}))
	}
	all.add("srt data", all.many(50, 1332, func(b []byte, i int) {
		binary.BigEndian.PutUint32(b, uint32(i)) // the first bit is zero
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
