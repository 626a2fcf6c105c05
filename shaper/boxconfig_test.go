package shaper

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

func prefixes(list ...string) (ps []netip.Prefix) {
	for _, p := range list {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}

// The trie answers with the longest prefix alone, so that one must speak for all around it.
func TestPrefixesSpeakForThoseAroundThem(t *testing.T) {
	cfg := Config{
		Rules: []Rule{
			{Subnets: prefixes("10.0.0.0/8")},
			{Subnets: prefixes("10.9.0.0/16", "2001:db8::/32")},
			{Subnets: prefixes("10.9.4.7/32")},
		},
		Experiences: []Experience{
			{Number: 1, Subnets: prefixes("10.9.0.0/16")},
			{Number: 2, Subnets: prefixes("10.9.4.0/24", "2001:db8:4::/48")},
		},
	}
	got := make(map[string]bpf.Prefix)
	vectors := prefixVectors(cfg)
	for _, p := range prefixes("10.0.0.0/8", "10.9.0.0/16", "10.9.4.0/24", "10.9.4.7/32", "2001:db8::/32", "2001:db8:4::/48") {
		got[p.String()] = vectors[bpf.PrefixKeyOf(p)]
	}
	want := map[string]bpf.Prefix{
		"10.0.0.0/8":      {Rules: 0b001},
		"10.9.0.0/16":     {Rules: 0b011, Experience: 1},
		"10.9.4.0/24":     {Rules: 0b011, Experience: 2},
		"10.9.4.7/32":     {Rules: 0b111, Experience: 2},
		"2001:db8::/32":   {Rules: 0b010},
		"2001:db8:4::/48": {Rules: 0b010, Experience: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(vectors) != len(want) {
		t.Errorf("%d prefixes, want %d", len(vectors), len(want))
	}
}

func TestSettingsOfRules(t *testing.T) {
	got := settingsOf(Config{Slices: fourSlices(t), Rules: []Rule{
		{Slice: 2, Ports: []PortRange{{slice.UDP, 8801, 8810}}, Experience: 7},
		{Slice: 4, DSCP: []uint8{8}, Subnets: prefixes("10.0.0.0/8")},
	}})
	want := bpf.Settings{
		DefaultSlice: 3, Signalling: 1, Realtime: 2, EveryPacket: 0b110, BestEffort: 0b11000,
		Rules: 0b11, RulesAnySubnet: 0b01, RulesAnyPort: 0b10, RulesByDscp: 0b10,
		DscpOfSlice: [16]uint8{1: 34, 2: 46, 4: 8},
	}
	want.RuleSlice[0], want.RuleSlice[1], want.RuleExperience[0] = 2, 4, 7
	for d := range want.DscpRules {
		want.DscpRules[d] = 0b01
	}
	want.DscpRules[8] = 0b11
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestConfigureReplacesOldRules(t *testing.T) {
	set := newSet(t)
	b, err := newBoxConfig(set)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Slices: fourSlices(t), Rules: []Rule{
		{Slice: 2, Ports: []PortRange{{slice.UDP, 65535, 65535}, {slice.TCP, 443, 443}}},
		{Slice: 4, Subnets: prefixes("10.0.0.0/8")},
	}}
	if err := b.configure(cfg); err != nil {
		t.Fatal(err)
	}
	first := settings(t, set)
	if err := b.configure(cfg); err != nil {
		t.Fatal(err)
	}
	if second := settings(t, set); second != first {
		t.Error("the same configuration again made flows ask again")
	}
	// Another agent takes over, and has other rules.
	if b, err = newBoxConfig(set); err != nil {
		t.Fatal(err)
	}
	cfg.Rules = []Rule{{Slice: 1, Subnets: prefixes("192.0.2.0/24"), Ports: []PortRange{{slice.TCP, 443, 444}}}}
	if err := b.configure(cfg); err != nil {
		t.Fatal(err)
	}
	for port, want := range map[uint32]uint64{65535: 0, 443 + 65536: 1, 444 + 65536: 1, 443: 0} {
		var got uint64
		if err := set.Maps["ports"].Lookup(port, &got); err != nil || got != want {
			t.Errorf("port %d accepts rules %b, want %b (%v)", port, got, want, err)
		}
	}
	var key bpf.PrefixKey
	var value bpf.Prefix
	got := make(map[bpf.PrefixKey]bpf.Prefix)
	for entries := set.Maps["prefixes"].Iterate(); entries.Next(&key, &value); {
		got[key] = value
	}
	want := map[bpf.PrefixKey]bpf.Prefix{bpf.PrefixKeyOf(netip.MustParsePrefix("192.0.2.0/24")): {Rules: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subnets (-want +got)\n%s", diff)
	}
	if now := settings(t, set); now.Generation == first.Generation || now.Rules != 1 || now.HasPrefixes != 1 {
		t.Errorf("settings: generation %d → %d, rules %b, prefixes %d", first.Generation, now.Generation, now.Rules, now.HasPrefixes)
	}
}

// A table that fits must take any other that fits.
func TestConfigureReplacesAFullTable(t *testing.T) {
	set := newSet(t)
	b, err := newBoxConfig(set)
	must(t, err)
	for _, first := range []byte{10, 11} {
		cfg := Config{Slices: fourSlices(t), Experiences: []Experience{{Number: 1}}}
		for i := range bpf.MaxPrefixes {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{first, byte(i >> 8), byte(i), 0}), 24)
			cfg.Experiences[0].Subnets = append(cfg.Experiences[0].Subnets, p)
		}
		if err := b.configure(cfg); err != nil {
			t.Fatal(err)
		}
	}
	var p bpf.Prefix
	must(t, set.Maps["prefixes"].Lookup(bpf.PrefixKeyOf(netip.MustParsePrefix("11.0.9.0/24")), &p))
}
