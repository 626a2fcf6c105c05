package demo

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// A flood looks like what it pretends to be, from packet to packet, and its sink knows it by its number.
func TestFloodLooks(t *testing.T) {
	for name, test := range map[string]struct {
		look Look
		size int
		want kind
	}{
		"plain":              {LooksPlain, 400, kindOther},
		"RTP":                {LooksRTP, 1200, kindRTP},
		"STUN":               {LooksSTUN, 400, kindSTUN},
		"STUN, a header":     {LooksSTUN, stunHeader, kindSTUN},
		"RTP, hardly a word": {LooksRTP, rtpHeader + stampSize, kindRTP},
	} {
		t.Run(name, func(t *testing.T) {
			var sink Sink
			packet := Flood{Look: test.look, Number: 7, Size: test.size}.packets()
			for range 2 {
				b := packet()
				if got := kindOf(b); got != test.want || len(b) != test.size {
					t.Errorf("kind %d of %d bytes, want %d of %d", got, len(b), test.want, test.size)
				}
				if test.want == kindSTUN && int(binary.BigEndian.Uint16(b[2:]))+stunHeader != len(b) {
					t.Errorf("a message of %d bytes in %d", binary.BigEndian.Uint16(b[2:])+stunHeader, len(b))
				}
				if answer := sink.take(b, netip.AddrPort{}); answer != nil {
					t.Errorf("the sink answers %q", answer)
				}
			}
			if got, want := sink.Bytes(7), uint64(2*test.size); got != want {
				t.Errorf("the sink counts %d bytes, want %d", got, want)
			}
		})
	}
}
