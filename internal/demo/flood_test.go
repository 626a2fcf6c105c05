package demo

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
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

// A flood comes down once it was asked for, and ends with its context.
func TestPull(t *testing.T) {
	nettest.Require(t, "root", "netns")
	host := &Host{NS: nettest.NewT(t), V4: netip.MustParseAddr("127.0.0.1")}
	const size, enough = 400, 20
	p := &Pull{Flood: Flood{Host: host, Look: LooksSTUN, Number: 7, Size: size, Rate: 1_000_000}, From: host}
	ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for p.Bytes() < enough*size && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	end()
	if err := <-ended; err != nil || p.Bytes() < enough*size || p.Bytes()%size != 0 {
		t.Errorf("%d bytes came, want %d or more datagrams of %d; error %v", p.Bytes(), enough, size, err)
	}
}
