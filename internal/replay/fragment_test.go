package replay

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

func TestFragments(t *testing.T) {
	for _, family := range []struct{ name, from, to, flow, alone string }{
		{"ipv4", phone4, server4, "udp 10.9.4.7:40000 192.0.2.33:443", "udp 10.9.4.7 192.0.2.33"},
		{"ipv6", phone6, server6, "udp [2001:db8:4::7]:40000 [2001:db8:ffff::33]:443", "udp 2001:db8:4::7 2001:db8:ffff::33"},
	} {
		piece := func(ident uint32, offset uint16, at time.Duration) packet {
			return packet{from: family.from, to: family.to, proto: slice.UDP, payload: make([]byte, 8), at: at,
				fragment: &piece{ident, offset, offset < 4}}
		}
		first, second, last := piece(7, 0, 0), piece(7, 2, 0), piece(7, 4, 0)
		size := func(n4, n6 string) string { return map[string]string{"ipv4": n4, "ipv6": n6}[family.name] }
		for _, test := range []struct {
			name    string
			packets []packet
			want    string
		}{
			{"after the first", []packet{first, second, last}, lines(family.flow + " 3 " + size("92", "176"))},
			{"without the first", []packet{second, last}, lines(family.alone + " 2 " + size("56", "112"))},
			{"before the first", []packet{second, first, last},
				lines(family.alone+" 1 "+size("28", "56"), family.flow+" 2 "+size("64", "120"))},
			{"of another packet", []packet{first, piece(8, 2, 0)}, lines(family.flow+" 1 "+size("36", "64"), family.alone+" 1 "+size("28", "56"))},
			{"as late as the classifier remembers", []packet{first, piece(7, 2, time.Second)}, lines(family.flow + " 2 " + size("64", "120"))},
			{"too late", []packet{first, piece(7, 2, time.Second+1)}, lines(family.flow+" 1 "+size("36", "64"), family.alone+" 1 "+size("28", "56"))},
		} {
			t.Run(family.name+" "+test.name, func(t *testing.T) {
				r := replayed(t, &script{}, Config{}, test.packets...)
				if diff := cmp.Diff(test.want, shown(r.Flows)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A later fragment goes the way of its first one, and tells nothing of the flow.
func TestFragmentsOfTheOtherEnd(t *testing.T) {
	out := packet{from: phone4, to: server4, proto: slice.UDP}
	in := packet{from: server4, to: phone4, proto: slice.UDP, fragment: &piece{7, 0, true}}
	rest := packet{from: server4, to: phone4, proto: slice.UDP, payload: make([]byte, 8), fragment: &piece{7, 1, false}}
	s := &script{verdicts: []bpf.Verdict{audio, audio, byDefault}}
	f := replayed(t, s, Config{Packets: true}, out, in, rest).Flows[0]
	if f.Packets != 3 || f.Verdict != audio || f.SettledAt != 1 {
		t.Errorf("%d packets, settled at %d with %+v", f.Packets, f.SettledAt, f.Verdict)
	}
	want := []Judged{{Verdict: audio}, {Verdict: audio, Direction: slice.Down}, {Verdict: byDefault, Direction: slice.Down}}
	if diff := cmp.Diff(want, f.Judged); diff != "" {
		t.Error(diff)
	}
}

func TestBoundOnFragments(t *testing.T) {
	tab := newTable(Config{})
	first := func(ident int) headers {
		return headers{proto: slice.UDP, src: end(phone4), dst: end(server4), hasPorts: true, fragment: first, ident: uint32(ident)}
	}
	for i := range 3 * maxFragments {
		tab.find(first(i), time.Duration(i)*time.Millisecond)
		if len(tab.fragments) > maxFragments {
			t.Fatalf("%d first fragments are remembered", len(tab.fragments))
		}
	}
	for i := range 2 * maxFragments {
		tab.find(first(i), time.Hour)
		if len(tab.fragments) > maxFragments {
			t.Fatalf("%d first fragments of one moment are remembered", len(tab.fragments))
		}
	}
	if len(tab.order) != 1 {
		t.Errorf("%d flows", len(tab.order))
	}
}
