package replay

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Ends of tests, in both versions of IP.
const (
	phone4, server4 = "10.9.4.7:40000", "192.0.2.33:443"
	phone6, server6 = "[2001:db8:4::7]:40000", "[2001:db8:ffff::33]:443"
)

// shown writes flows as lines: protocol, ends, packets, bytes.
func shown(flows []*Flow) string {
	var b strings.Builder
	for _, f := range flows {
		src, dst := f.Ends()
		fmt.Fprintln(&b, f.Proto, src, dst, f.Packets, f.Bytes)
	}
	return b.String()
}

func lines(all ...string) string {
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, "\n") + "\n"
}

func TestFlows(t *testing.T) {
	ten := make([]byte, 10)
	udp := packet{from: phone4, to: server4, proto: slice.UDP, payload: ten}
	back := func(p packet) packet { p.from, p.to = p.to, p.from; return p }
	with := func(p packet, change func(*packet)) packet { change(&p); return p }
	udp6 := with(udp, func(p *packet) { p.from, p.to = phone6, server6 })
	tests := []struct {
		name    string
		packets []packet
		want    string
	}{
		{"both directions", []packet{udp, back(udp), udp}, lines("udp 10.9.4.7:40000 192.0.2.33:443 3 114")},
		{"ipv6", []packet{back(udp6), udp6}, lines("udp [2001:db8:ffff::33]:443 [2001:db8:4::7]:40000 2 116")},
		{"another protocol", []packet{udp, with(udp, func(p *packet) { p.proto = slice.TCP })},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38", "tcp 10.9.4.7:40000 192.0.2.33:443 1 50")},
		{"another port", []packet{udp, with(udp, func(p *packet) { p.from = "10.9.4.7:40001" }), udp},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 2 76", "udp 10.9.4.7:40001 192.0.2.33:443 1 38")},
		{"ports the other way round", []packet{udp, {from: "10.9.4.7:443", to: "192.0.2.33:40000", proto: slice.UDP, payload: ten}},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38", "udp 10.9.4.7:443 192.0.2.33:40000 1 38")},
		{"port 0", []packet{{from: "10.9.4.7:0", to: "192.0.2.33:0", proto: slice.UDP}}, lines("udp 10.9.4.7:0 192.0.2.33:0 1 28")},
		{"icmp", []packet{{from: "10.9.4.7", to: "192.0.2.33", proto: 1, payload: ten}, {from: "192.0.2.33", to: "10.9.4.7", proto: 1, payload: ten}},
			lines("icmp 10.9.4.7 192.0.2.33 2 60")},
		{"icmpv6", []packet{{from: "fe80::1", to: "ff02::16", proto: 58, payload: ten}}, lines("icmpv6 fe80::1 ff02::16 1 50")},
		{"another of IP", []packet{{from: "10.9.4.7", to: "192.0.2.33", proto: 132, payload: ten}}, lines("132 10.9.4.7 192.0.2.33 1 30")},
		{"padding", []packet{with(udp, func(p *packet) { p.padding = 30 })}, lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38")},
		{"options", []packet{with(udp, func(p *packet) { p.options = []byte{1, 1, 1, 0} })}, lines("udp 10.9.4.7:40000 192.0.2.33:443 1 42")},
		{"extension headers", []packet{with(udp6, func(p *packet) {
			p.exts = append([]byte{extHopByHop, 0, 5, 2, 0, 0, 1, 0}, extOptions, 0, 1, 4, 0, 0, 0, 0)
		})}, lines("udp [2001:db8:4::7]:40000 [2001:db8:ffff::33]:443 1 74")},
		{"vlan", []packet{udp, with(udp, func(p *packet) { p.tags = []uint16{typeQinQ, typeVLAN} })},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 2 76")},
		{"pppoe", []packet{with(udp, func(p *packet) { p.pppoe = true }), with(udp6, func(p *packet) { p.pppoe = true })},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38", "udp [2001:db8:4::7]:40000 [2001:db8:ffff::33]:443 1 58")},
		{"no length of its own", []packet{with(udp, func(p *packet) { p.noTotal = true }), with(udp6, func(p *packet) { p.noTotal = true })},
			lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38", "udp [2001:db8:4::7]:40000 [2001:db8:ffff::33]:443 1 58")},
		{"captured up to the ports", []packet{with(udp, func(p *packet) { p.snap = 38 })}, lines("udp 10.9.4.7:40000 192.0.2.33:443 1 38")},
		{"captured without ports", []packet{with(udp, func(p *packet) { p.snap = 37 })}, lines("udp 10.9.4.7 192.0.2.33 1 38")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := replayed(t, &script{}, Config{}, test.packets...)
			if diff := cmp.Diff(test.want, shown(r.Flows)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVenuesEnd(t *testing.T) {
	out := packet{from: phone4, to: server4, proto: slice.UDP}
	in := packet{from: server4, to: phone4, proto: slice.UDP}
	prefixes := func(all ...string) (list []netip.Prefix) {
		for _, s := range all {
			list = append(list, netip.MustParsePrefix(s))
		}
		return list
	}
	tests := []struct {
		name    string
		venue   []netip.Prefix
		packets []packet
		want    []bool // outbound
	}{
		{"who sent first", nil, []packet{out, in, out}, []bool{true, false, true}},
		{"who sent first, from outside", nil, []packet{in, out}, []bool{true, false}},
		{"in the prefix", prefixes("10.9.0.0/16"), []packet{in, out}, []bool{false, true}},
		{"both in it", prefixes("0.0.0.0/0"), []packet{in, out}, []bool{true, false}},
		{"neither in it", prefixes("172.16.0.0/12"), []packet{in, out}, []bool{true, false}},
		{"in one of several", prefixes("2001:db8::/32", "10.9.4.0/24"), []packet{in, out}, []bool{false, true}},
		{"addresses alone", prefixes("10.9.0.0/16"), []packet{{from: "192.0.2.33", to: "10.9.4.7", proto: 1},
			{from: "10.9.4.7", to: "192.0.2.33", proto: 1}}, []bool{false, true}},
		{"one address", nil, []packet{{from: "127.0.0.1:5", to: "127.0.0.1:6", proto: slice.UDP}, {from: "127.0.0.1:6", to: "127.0.0.1:5", proto: slice.UDP}},
			[]bool{true, false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			r := replayed(t, s, Config{Venue: test.venue, Packets: true}, test.packets...)
			for i, want := range test.want {
				if got := s.asked[i].Outbound; got != want {
					t.Errorf("packet %d: outbound %v, want %v", i+1, got, want)
				}
				if got := r.Flows[0].Judged[i].Direction == slice.Up; got != want {
					t.Errorf("packet %d goes %s", i+1, r.Flows[0].Judged[i].Direction)
				}
			}
			if len(r.Flows) != 1 || r.Flows[0].Src != end(test.packets[0].from) {
				t.Errorf("flows are not one, from who sent first:\n%s", shown(r.Flows))
			}
		})
	}
}

func TestSettledAt(t *testing.T) {
	for _, test := range []struct {
		name     string
		verdicts []bpf.Verdict
		want     int
		final    bpf.Verdict
	}{
		{"the default slice throughout", []bpf.Verdict{byDefault, byDefault, byDefault}, 1, byDefault},
		{"one slice from the start", []bpf.Verdict{stun, stun}, 1, stun},
		{"the second tells", []bpf.Verdict{byDefault, audio, audio}, 2, audio},
		{"three slices", []bpf.Verdict{byDefault, stun, stun, audio, audio}, 4, audio},
		{"another kind is no other slice", []bpf.Verdict{byDefault, audio, audio, video}, 2, video},
		{"back again", []bpf.Verdict{audio, byDefault, audio}, 3, audio},
	} {
		t.Run(test.name, func(t *testing.T) {
			var packets []packet
			for i := range test.verdicts {
				packets = append(packets, packet{from: phone4, to: server4, proto: slice.UDP, at: time.Duration(i) * time.Millisecond})
			}
			f := replayed(t, &script{verdicts: test.verdicts}, Config{Packets: true}, packets...).Flows[0]
			if f.SettledAt != test.want || f.Verdict != test.final {
				t.Errorf("settled at %d with %+v, want %d with %+v", f.SettledAt, f.Verdict, test.want, test.final)
			}
			for i, j := range f.Judged {
				if j.Verdict != test.verdicts[i] || j.At != time.Duration(i)*time.Millisecond {
					t.Errorf("packet %d: %+v", i+1, j)
				}
			}
		})
	}
}

// A flow that is known goes on when there is no place for another.
func TestBoundOnFlows(t *testing.T) {
	var packets []packet
	for i := range 6 {
		packets = append(packets, packet{from: fmt.Sprintf("10.9.4.7:%d", 1000+i%3), to: server4, proto: slice.UDP})
	}
	s := &script{}
	r := replayed(t, s, Config{MaxFlows: 2}, packets...)
	want := lines("udp 10.9.4.7:1000 192.0.2.33:443 2 56", "udp 10.9.4.7:1001 192.0.2.33:443 2 56")
	if diff := cmp.Diff(want, shown(r.Flows)); diff != "" {
		t.Error(diff)
	}
	if r.LeftOut != 2 || r.Packets != 6 || len(s.asked) != 4 {
		t.Errorf("%d of %d packets left out, %d judged", r.LeftOut, r.Packets, len(s.asked))
	}
}

func TestBoundOnFlowsByDefault(t *testing.T) {
	tab := newTable(Config{})
	for i := range DefaultMaxFlows + 10 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		tab.find(headers{proto: slice.UDP, src: netip.AddrPortFrom(addr, 1), dst: end(server4), hasPorts: true}, 0)
	}
	if len(tab.order) != DefaultMaxFlows || len(tab.flows) != DefaultMaxFlows {
		t.Errorf("%d flows, %d keys", len(tab.order), len(tab.flows))
	}
}
