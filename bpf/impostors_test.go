package bpf

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// What must not fool it, see docs/classification.md.
func TestImpostors(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	// many makes n datagrams of random bytes; first sets what is not random.
	many := func(n, size int, first func(b []byte, i int)) (payloads [][]byte) {
		for i := range n {
			b := noise(size)
			first(b, i)
			payloads = append(payloads, b)
		}
		return payloads
	}
	var rows []row
	add := func(name string, payloads [][]byte) { rows = append(rows, row{name, 40000, 50000, payloads, nothing}) }
	for kind, size := range map[byte]int{1: 148, 2: 92, 3: 64, 4: 1452} {
		add("wireguard", many(50, size, func(b []byte, i int) {
			copy(b, []byte{kind, 0, 0, 0})
			binary.LittleEndian.PutUint64(b[8:], uint64(i)) // of type 4: a counter
		}))
	}
	for _, b0 := range []byte{0x01, 0x11, 0x21, 0x31, 0x41} {
		connection := noise(2)
		add("utp", many(50, 20, func(b []byte, i int) {
			b[0], b[1] = b0, 0
			copy(b[2:], connection)
			binary.BigEndian.PutUint16(b[16:], uint16(i))
		}))
	}
	for kind := range byte(9) {
		add("srt control", many(50, 44, func(b []byte, i int) {
			copy(b, []byte{0x80, kind, 0, 0, 0, 0, 0, byte(i)})
			binary.BigEndian.PutUint32(b[8:], uint32(i)*10_000) // a clock in microseconds
			copy(b[12:], "peer")
		}))
	}
	add("srt data", many(50, 1332, func(b []byte, i int) {
		binary.BigEndian.PutUint32(b, uint32(i)) // the first bit is zero
	}))
	for name, b0 := range map[string]byte{"quic initial": 0xc3, "quic 0-rtt": 0xd0, "quic without its fixed bit": 0x83} {
		for _, version := range [][]byte{{0, 0, 0, 1}, {0x6b, 0x33, 0x43, 0xcf}, {0, 0, 0, 0}} {
			id := noise(8)
			add(name, many(20, 1200, func(b []byte, _ int) {
				b[0] = b0
				copy(b[1:], version)
				b[5] = 8
				copy(b[6:], id)
			}))
		}
	}
	add("quic", many(500, 1200, func(b []byte, _ int) { b[0] = 0x40 | b[0]&0x3f }))
	id := noise(8)
	add("quic with an id, without its fixed bit", many(500, 1200, func(b []byte, _ int) {
		b[0] &= 0x3f
		copy(b[1:], id)
	}))
	add("bittorrent dht", one([]byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")))
	spi := []byte{0x81, 0x10, 0x22, 0x33}
	add("esp in udp", many(500, 1400, func(b []byte, i int) {
		copy(b, spi)
		binary.BigEndian.PutUint32(b[4:], uint32(i))
	}))
	add("mosh", many(200, 120, func(b []byte, i int) {
		binary.BigEndian.PutUint64(b, 1<<63|uint64(i))
	}))
	add("random", many(5000, 200, func([]byte, int) {}))
	add("random in the range of rtp", many(5000, 200, func(b []byte, i int) {
		b[0], b[1] = 0x80, 0
		binary.BigEndian.PutUint16(b[2:], uint16(i)) // even a sequence: the source must stay
	}))
	newPlane(t).checkRows(t, rows)
}
