package bpf

import (
	"encoding/binary"
	"testing"
)

// wrote is what a program may write into a frame; the zero value is nothing. Where that is, it is found by a reading of the headers
// that has nothing in common with the program's.
type wrote struct {
	dscp  bool
	to    uint8 // the DSCP
	mss   uint16
	tally map[string]int
	as    string // what a change of DSCP counts as
}

func (w wrote) check(t testing.TB, v Variant, before, after []byte) {
	t.Helper()
	if len(before) != len(after) {
		t.Errorf("%s: %d bytes became %d", v.Role, len(before), len(after))
		return
	}
	var changed []int
	for i := range before {
		if before[i] != after[i] {
			changed = append(changed, i)
		}
	}
	if len(changed) == 0 {
		return
	}
	ip, version := ipIn(before)
	if version == 0 {
		t.Errorf("%s: wrote at %v of a frame that holds no IP", v.Role, changed)
		return
	}
	may := make(map[int]bool)
	if w.dscp && dscpIn(after[ip:], version) == w.to && sameECN(before[ip:], after[ip:], version) {
		w.tally[w.as]++
		may[ip] = version == 6
		may[ip+1] = true
		if version == 4 {
			may[ip+10], may[ip+11] = true, true
			sameSum(t, v, "IPv4 header", headerOf(before[ip:]), headerOf(after[ip:]))
		}
	}
	at := mssIn(before, ip, version)
	if w.mss > 0 && at > 0 && binary.BigEndian.Uint16(before[at:]) > w.mss && binary.BigEndian.Uint16(after[at:]) == w.mss {
		w.tally["clamped"]++
		tcp := segmentIn(before, ip, version)
		may[at], may[at+1], may[tcp+16], may[tcp+17] = true, true, true, true
		sameSum(t, v, "TCP segment", before[tcp:], after[tcp:])
	}
	for _, at := range changed {
		if !may[at] {
			t.Errorf("%s: wrote byte %d, %#x to %#x; IPv%d is at %d", v.Role, at, before[at], after[at], version, ip)
		}
	}
}

// sameSum holds two versions of bytes with a checksum among them to the same sum: what was right is, what was wrong is as wrong.
func sameSum(t testing.TB, v Variant, what string, before, after []byte) {
	t.Helper()
	even := func(b []byte) uint16 {
		return sum16(append(b[:len(b):len(b)], make([]byte, len(b)%2)...)) % 0xffff // 0 and 0xffff are one
	}
	if even(before) != even(after) {
		t.Errorf("%s: the %s's sum was %#x, and is %#x", v.Role, what, even(before), even(after))
	}
}

// ipIn finds the IP header of a frame and its version; 0 where there is none.
func ipIn(f []byte) (at, version int) {
	at = 14
	kind := binary.BigEndian.Uint16(f[12:])
	for tags := 0; tags < 2 && (kind == 0x8100 || kind == 0x88a8 || kind == 0x9100) && len(f) >= at+4; tags++ {
		kind = binary.BigEndian.Uint16(f[at+2:])
		at += 4
	}
	if kind == 0x8864 && len(f) >= at+8 {
		kind = map[uint16]uint16{0x21: 0x800, 0x57: 0x86dd}[binary.BigEndian.Uint16(f[at+6:])]
		at += 8
	}
	switch {
	case kind == 0x800 && len(f) >= at+20 && f[at]>>4 == 4:
		return at, 4
	case kind == 0x86dd && len(f) >= at+40 && f[at]>>4 == 6:
		return at, 6
	}
	return 0, 0
}

func headerOf(ip []byte) []byte { return ip[:min(len(ip), int(ip[0]&15)*4)] }

func dscpIn(ip []byte, version int) uint8 {
	if version == 6 {
		return uint8(binary.BigEndian.Uint16(ip) >> 6 & 63)
	}
	return ip[1] >> 2
}

// sameECN: version, ECN and what else shares a byte with the DSCP stay.
func sameECN(before, after []byte, version int) bool {
	if version == 6 {
		return (binary.BigEndian.Uint16(before)^binary.BigEndian.Uint16(after))&^0x0fc0 == 0
	}
	return (before[1]^after[1])&3 == 0
}

// segmentIn finds a TCP header; 0 where there is none.
func segmentIn(f []byte, ip, version int) int {
	at, next := ip+int(f[ip]&15)*4, f[ip+9]
	if version == 6 {
		at, next = ip+40, f[ip+6]
	}
	for version == 6 && len(f) >= at+8 {
		size := (int(f[at+1]) + 1) * 8
		switch next {
		case protoFragment:
			size = 8
		case protoAH:
			size = (int(f[at+1]) + 2) * 4
		case protoHop, protoRouting, protoDestOpts:
		default:
			size = 0
		}
		if size == 0 {
			break
		}
		next, at = f[at], at+size
	}
	if next != protoTCP || len(f) < at+20 {
		return 0
	}
	return at
}

// mssIn finds the value of a SYN's option; 0 where there is none.
func mssIn(f []byte, ip, version int) int {
	tcp := segmentIn(f, ip, version)
	if tcp == 0 || f[tcp+13]&2 == 0 {
		return 0
	}
	end := min(len(f), tcp+int(f[tcp+12]>>4)*4)
	for at := tcp + 20; at+1 < end; {
		switch {
		case f[at] == 0:
			return 0
		case f[at] == 1:
			at++
		case f[at+1] < 2:
			return 0
		case f[at] == 2 && f[at+1] == 4 && at+4 <= end:
			return at + 2
		default:
			at += int(f[at+1])
		}
	}
	return 0
}
