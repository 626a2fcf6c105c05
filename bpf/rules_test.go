package bpf

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule is an operator's rule as the agent would write it.
type rule struct {
	slice, experience uint8
	udp, tcp          []uint16
	subnets           []string
	dscp              []uint8
}

// rules replaces all rules, and who pays by subnet.
func (p *plane) rules(rules []rule, payers map[string]uint8) {
	p.t.Helper()
	ports, prefixes := p.Maps["ports"], make(map[string]Prefix)
	for _, r := range p.portsUsed() {
		p.must(ports.Put(r, uint64(0)))
	}
	for subnet, payer := range payers {
		prefixes[subnet] = Prefix{Experience: payer}
	}
	p.set(func(s *Settings) {
		old := *s
		*s = Settings{Generation: old.Generation, Venues: old.Venues, Pins: old.Pins, DefaultSlice: old.DefaultSlice}
		s.Signalling, s.Realtime, s.EveryPacket, s.DscpOfSlice = old.Signalling, old.Realtime, old.EveryPacket, old.DscpOfSlice
		for i, r := range rules {
			bit := uint64(1) << i
			s.Rules |= bit
			s.RuleSlice[i], s.RuleExperience[i] = r.slice, r.experience
			if r.udp == nil && r.tcp == nil {
				s.RulesAnyPort |= bit
			}
			if r.subnets == nil {
				s.RulesAnySubnet |= bit
			}
			for d := range s.DscpRules {
				if r.dscp == nil {
					s.DscpRules[d] |= bit
				}
			}
			for _, d := range r.dscp {
				s.RulesByDscp |= bit
				s.DscpRules[d] |= bit
			}
			for _, subnet := range r.subnets {
				v := prefixes[subnet]
				v.Rules |= bit
				prefixes[subnet] = v
			}
			p.addPorts(bit, 0, r.udp)
			p.addPorts(bit, 1<<16, r.tcp)
		}
		for subnet, v := range prefixes {
			p.must(p.Maps["prefixes"].Put(PrefixKeyOf(netip.MustParsePrefix(subnet)), v))
			s.HasPrefixes = 1
		}
	})
}

func (p *plane) portsUsed() (used []uint32) {
	for _, port := range []uint32{5004, 5005, 8801, 50000} {
		used = append(used, port, port+1<<16)
	}
	return used
}

func (p *plane) addPorts(bit uint64, base uint32, ports []uint16) {
	for _, port := range ports {
		var rules uint64
		p.must(p.Maps["ports"].Lookup(base+uint32(port), &rules))
		p.must(p.Maps["ports"].Put(base+uint32(port), rules|bit))
	}
}

// pin writes pins, and tells the programs as the agent does.
func (p *plane) pin(pins map[FlowKey]Pin) {
	p.t.Helper()
	for key, pin := range pins {
		p.must(p.Maps["pins"].Put(key, pin))
	}
	p.set(func(s *Settings) { s.Pins += uint32(len(pins)) })
}

func (p *plane) unpin(keys ...FlowKey) {
	p.t.Helper()
	for _, key := range keys {
		p.must(p.Maps["pins"].Delete(key))
	}
	p.set(func(s *Settings) { s.Pins -= uint32(len(keys)) })
}

// anyPeer is the key of a pin that takes whatever the remote end is.
func anyPeer(k FlowKey) FlowKey {
	k.Remote, k.RemotePort = [16]byte{}, 0
	return k
}

// The first rule that matches in all that it names wins, for either end of the flow.
func TestRules(t *testing.T) {
	p := newPlane(t)
	p.rules([]rule{
		{slice: telemetry, udp: []uint16{5004}, subnets: []string{"10.9.5.0/24", "2001:db8:5::/48"}},
		{slice: realtime, udp: []uint16{5004}, experience: 9},
		{slice: signalling, tcp: []uint16{5004, 5005}},
		{slice: realtime, subnets: []string{"10.9.6.0/24", "2001:db8:6::/48"}, dscp: []uint8{46}},
		{slice: signalling, subnets: []string{"10.9.6.0/24", "2001:db8:6::/48"}},
	}, map[string]uint8{"10.9.4.0/24": 4, "2001:db8:4::/48": 4})
	type verdict struct {
		slice uint8
		rank  Rank
		rule  uint8
		payer uint8
	}
	by := func(slice, rule, payer uint8) verdict { return verdict{slice, RankRule, rule, payer} }
	for _, test := range []struct {
		name          string
		from4, from6  string
		change        func(*packet)
		local, remote uint16
		want          verdict
	}{
		{"port", "10.9.4.7", "2001:db8:4::7", nil, 1, 5004, by(realtime, 1, 9)},
		{"port, at the other end", "10.9.4.7", "2001:db8:4::7", nil, 5004, 1, by(realtime, 1, 9)},
		{"port and subnet", "10.9.5.7", "2001:db8:5::7", nil, 1, 5004, by(telemetry, 0, 0)},
		{"port of tcp", "10.9.4.7", "2001:db8:4::7", func(p *packet) { p.proto = protoTCP }, 1, 5005, by(signalling, 2, 4)},
		{"port of tcp in udp", "10.9.4.7", "2001:db8:4::7", nil, 1, 5005, verdict{media, RankDefault, 0, 4}},
		{"subnet and dscp", "10.9.6.7", "2001:db8:6::7", func(p *packet) { p.dscp = 46 }, 1, 2, by(realtime, 3, 0)},
		{"subnet, another dscp", "10.9.6.7", "2001:db8:6::7", func(p *packet) { p.dscp = 34 }, 1, 2, by(signalling, 4, 0)},
		{"subnet of what has no ports", "10.9.6.7", "2001:db8:6::7", func(p *packet) { p.proto = protoESP }, 1, 2, by(signalling, 4, 0)},
		{"subnet of its owner", "10.9.4.7", "2001:db8:4::7", nil, 1, 2, verdict{media, RankDefault, 0, 4}},
		{"nobody's", "10.9.8.7", "2001:db8:8::7", nil, 1, 2, verdict{media, RankDefault, 0, 0}},
	} {
		for i, from := range []string{test.from4, test.from6} {
			t.Run(test.name+" "+families[i].name, func(t *testing.T) {
				p := p.in(t)
				end := netip.AddrPortFrom(netip.MustParseAddr(from), test.local)
				pk := packet{from: end, to: port(families[i].to, test.remote), payload: make([]byte, 50)}
				if test.change != nil {
					test.change(&pk)
				}
				v, payer, err := p.Judge(venueIn, pk.bytes())
				p.must(err)
				if got := (verdict{v.Slice, Rank(v.Rank), v.Detail, payer}); got != test.want {
					t.Errorf("judged %+v, want %+v", got, test.want)
				}
				sent, other := p.sent(pk), p.received(pk)
				if sliceOf(sent) != test.want.slice || sliceOf(other) != test.want.slice {
					t.Errorf("slices %d and %d, want %d", sliceOf(sent), sliceOf(other), test.want.slice)
				}
				if payers := [2]uint32{sent.Mark >> 24, other.Mark >> 24}; payers != [2]uint32{uint32(test.want.payer), uint32(test.want.payer)} {
					t.Errorf("payers %v, want %d", payers, test.want.payer)
				}
			})
		}
	}
}

// The 64th rule is the last bit of the word.
func TestEachRuleAlone(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to}
	for i := range MaxRules {
		p.set(func(s *Settings) {
			s.Rules, s.RulesAnyPort, s.RulesAnySubnet, s.DscpRules[0] = 1<<i, 1<<i, 1<<i, 1<<i
			s.RuleSlice = [MaxRules]uint8{}
			s.RuleSlice[i] = telemetry
		})
		v, _, err := p.Judge(venueIn, pk.bytes())
		p.must(err)
		want := Verdict{Slice: telemetry, Rank: uint8(RankRule), Detail: uint8(i)}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Errorf("rule %d (-want +got)\n%s", i, diff)
		}
	}
}

// Who pays: the local end's subnet before the remote one's, the longest of several, and a pin or rule before both.
func TestPayers(t *testing.T) {
	p := newPlane(t)
	local, remote := "10.9.4.7", "192.0.2.33"
	pk := packet{from: addr(local + ":40000"), to: addr(remote + ":50000")}
	for _, test := range []struct {
		name   string
		rules  []rule
		payers map[string]uint8
		pin    uint8
		want   uint32
	}{
		{"nobody", nil, nil, 0, 0},
		{"local", nil, map[string]uint8{"10.9.4.0/24": 1}, 0, 1},
		{"remote", nil, map[string]uint8{"192.0.2.0/24": 2}, 0, 2},
		{"both", nil, map[string]uint8{"192.0.2.0/24": 2, "10.9.4.0/24": 1}, 0, 1},
		{"longest", nil, map[string]uint8{"10.9.4.0/24": 1, "10.9.4.4/30": 3, "10.0.0.0/8": 4}, 0, 3},
		{"rule", []rule{{slice: realtime, experience: 5}}, map[string]uint8{"10.9.4.0/24": 1}, 0, 5},
		{"rule without", []rule{{slice: realtime}}, map[string]uint8{"10.9.4.0/24": 1}, 0, 1},
		{"pin", []rule{{slice: realtime, experience: 5}}, map[string]uint8{"10.9.4.0/24": 1}, 255, 255},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.in(t)
			p.rules(test.rules, test.payers)
			if test.pin > 0 {
				p.pin(map[FlowKey]Pin{pk.key(): {Slice: realtime, Experience: test.pin}})
				defer p.unpin(pk.key())
			}
			if got := p.sent(pk).Mark >> 24; got != test.want {
				t.Errorf("payer %d, want %d", got, test.want)
			}
			for subnet := range test.payers {
				p.must(p.Maps["prefixes"].Delete(PrefixKeyOf(netip.MustParsePrefix(subnet))))
			}
		})
	}
}
