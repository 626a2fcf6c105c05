package bpf

import (
	"errors"
	"syscall"
	"testing"
)

// Whatever a frame holds, each program takes it, gives it a slice, and changes none of its bytes.
func FuzzFrame(f *testing.F) {
	for _, s := range shapes() {
		f.Add(s.packet.with(stun(4)).bytes())
		first, later := fragments(s.packet.with(make([]byte, 60)), 7)
		f.Add(first.bytes())
		f.Add(later.bytes())
	}
	for _, r := range append(structureRows(), nearMisses()...) {
		f.Add(packet{from: port(families[0].from, r.local), to: port(families[0].to, r.remote), payload: r.payloads[0]}.bytes())
	}
	p := newPlane(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < minFrame || len(frame) > 1514 {
			t.Skip("no frame")
		}
		for _, v := range []Variant{venueIn, uplinkOut, uplinkIn} {
			prog, err := p.program(v)
			if err != nil {
				t.Fatal(err)
			}
			_, out, left, err := runProgram(prog, frame, skBuff{})
			if errors.Is(err, syscall.EINVAL) && len(frame) < shortest(frame) {
				t.Skip("refused by the kernel's test run")
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != string(frame) {
				t.Errorf("%s wrote into the frame", v.Role)
			}
			if class := classOf(left); v.Role == UplinkEgress && (class < signalling || class > media) {
				t.Errorf("%s: class of slice %d", v.Role, class)
			}
		}
		if v, _, err := p.Judge(venueIn, frame); err != nil || v.Slice < signalling || v.Slice > media || Rank(v.Rank) >= RankCount {
			t.Errorf("judged %+v, %v", v, err)
		}
	})
}
