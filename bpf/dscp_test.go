package bpf

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marking is how the venue's side is marked in tests, by slice.
var marking = [MaxSlices]uint8{signalling: 34, realtime: 46, media: 0, telemetry: 8, 15: 63}

// Each slice gets its DSCP towards the venue, and none towards the Internet. ECN, the checksum's truth and every other byte stay.
func TestDSCP(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.DscpOfSlice = marking })
	down, up := venueOut, uplinkOut
	down.WriteDSCP, up.WriteDSCP = true, true
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			p := p.in(t)
			for _, from := range []uint8{0, 1, 46, 63} {
				for ecn := range uint8(4) {
					pk := s.packet.with(make([]byte, 20))
					pk.dscp, pk.ecn = from, ecn
					frame := pk.bytes()
					for slice, to := range marking {
						_, out, _ := p.put(down, frame, skBuff{TcIndex: uint32(slice)})
						if slice == 0 {
							to = from // the box's own, whose sender chose
						}
						p.checkMarked(fmt.Sprintf("DSCP %d, ECN %d, down in slice %d", from, ecn, slice), out, pk, to)
					}
					_, out, _ := p.put(up, frame, skBuff{})
					p.checkMarked(fmt.Sprintf("DSCP %d, ECN %d, up", from, ecn), out, pk, 0)
				}
			}
		})
	}
}

// checkMarked compares with the same packet, sent with that DSCP in the first place.
func (p *plane) checkMarked(what string, got []byte, pk packet, dscp uint8) {
	p.t.Helper()
	pk.dscp = dscp
	if diff := cmp.Diff(pk.bytes(), got); diff != "" {
		p.t.Errorf("%s: frame (-want +got)\n%s", what, diff)
	}
}

// A wrong checksum stays exactly as wrong as it was: the receiver must see it.
func TestDSCPKeepsWrongChecksums(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.DscpOfSlice = marking })
	v := venueOut
	v.WriteDSCP = true
	pk := packet{from: families[0].to, to: families[0].from}
	frame := pk.bytes()
	binary.BigEndian.PutUint16(frame[24:], binary.BigEndian.Uint16(frame[24:])+0x0100)
	_, out, _ := p.put(v, frame, skBuff{TcIndex: realtime})
	if sum := sum16(out[14:34]); sum == 0xffff {
		t.Error("the checksum was made right")
	}
}

// Fragments are marked too, later ones by the verdict of the first.
func TestDSCPOfFragments(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.DscpOfSlice = marking })
	v := venueOut
	v.WriteDSCP = true
	for _, f := range families {
		pk := packet{from: f.to, to: f.from, payload: make([]byte, 64), fragment: &fragment{ident: 7, offset: 100}}
		_, out, _ := p.put(v, pk.bytes(), skBuff{TcIndex: realtime})
		p.checkMarked(f.name, out, pk, 46)
	}
}

// What is not IP, or cut, passes as it is; so does everything where no marking is asked for.
func TestNothingElseIsWritten(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.DscpOfSlice = marking })
	marker, washer := venueOut, uplinkOut
	marker.WriteDSCP, washer.WriteDSCP = true, true
	arp := append([]byte{1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 8, 6}, make([]byte, 28)...)
	for _, v := range []Variant{marker, washer} {
		_, out, _ := p.put(v, arp, skBuff{TcIndex: realtime})
		if diff := cmp.Diff(arp, out); diff != "" {
			t.Errorf("%s: arp (-want +got)\n%s", v.Role, diff)
		}
	}
	for _, s := range shapes() {
		pk := s.packet.with(stun(4))
		pk.dscp, pk.ecn = 46, 1
		frame := pk.bytes()
		for _, v := range []Variant{venueIn, uplinkOut, uplinkIn, ifbOut, venueOut} {
			_, out, _ := p.put(v, frame, skBuff{TcIndex: realtime, Mark: 1 << 24})
			if diff := cmp.Diff(frame, out); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", v.Role, s.name, diff)
			}
		}
	}
}
