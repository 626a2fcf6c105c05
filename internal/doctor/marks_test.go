package doctor

import (
	"encoding/hex"
	"testing"

	"golang.org/x/sys/unix"
)

// What rules of nft do to the mark, by the bytes that the kernel dumps.
func TestRulesOfNFT(t *testing.T) {
	f := newField(t)
	for words, want := range map[string]uint32{
		"meta mark set ct mark":                                0xffffffff,
		"meta mark set 0x1":                                    0xffffffff,
		"meta mark set ct mark and 0x00ffffff":                 0xffffffff,
		"meta mark set meta mark or 0x1":                       0x00000001,
		"meta mark set meta mark and 0xff000000":               0x00ffffff,
		"meta mark set meta mark and 0xff000000 or 0x1":        0x00ffffff,
		"meta mark set meta mark and 0x00ffffff or 0x05000000": 0xff000000,
		"meta mark set meta mark xor 0x80000000":               0x80000000,
		"meta mark set ip saddr map { 10.0.0.1 : 0x1 }":        0xffffffff,
		"meta mark set meta mark map { 0x1 : 0x2 }":            0xffffffff,
		"meta mark 0x1 meta mark set ct mark":                  0xffffffff,
		"ct mark set meta mark":                                0,
		"meta priority set 1:2":                                0,
		"meta mark and 0x1 == 0x1 counter accept":              0,
		"ip daddr 10.0.0.1 meta mark set meta mark or 0x2":     0x00000002,
	} {
		f.sh(t, "nft flush ruleset; nft add table ip t; nft add chain ip t c '{ type filter hook prerouting priority 0; }'; nft add rule ip t c "+words)
		var got []rule
		must(t, f.box.Do(func() error {
			b, err := open(f.cfg)
			if err != nil {
				return err
			}
			defer b.close()
			got, err = b.rules()
			return err
		}))
		if len(got) != 1 || got[0].table != "t" || got[0].chain != "c" || got[0].family != "ip" {
			t.Fatalf("%s: read as %+v", words, got)
		}
		if lost := got[0].overwrites(); lost != want {
			t.Errorf("%s: overwrites %#08x, want %#08x", words, lost, want)
		}
	}
}

// Newer kernels join two registers. No kernel that tests run on need do it: the expressions are made up.
func TestRegistersThatAreJoined(t *testing.T) {
	u32 := func(v byte) []byte { return []byte{0, 0, 0, v} }
	load := func(register byte) expression {
		return expression{"meta", map[uint16][]byte{unix.NFTA_META_DREG: u32(register), unix.NFTA_META_KEY: u32(unix.NFT_META_MARK)}}
	}
	ct := func(register byte) expression {
		return expression{"ct", map[uint16][]byte{unix.NFTA_CT_DREG: u32(register)}}
	}
	mask := func(register byte, mask string) expression {
		value, _ := hex.DecodeString(mask)
		return expression{"bitwise", map[uint16][]byte{
			unix.NFTA_BITWISE_SREG: u32(register), unix.NFTA_BITWISE_DREG: u32(register),
			unix.NFTA_BITWISE_MASK: attr(unix.NFTA_DATA_VALUE, value...), unix.NFTA_BITWISE_XOR: attr(unix.NFTA_DATA_VALUE, 0, 0, 0, 0),
		}}
	}
	join := func(op, a, b byte) expression {
		return expression{"bitwise", map[uint16][]byte{
			unix.NFTA_BITWISE_SREG: u32(a), bitwiseSecond: u32(b), unix.NFTA_BITWISE_DREG: u32(a), bitwiseOp: u32(op),
		}}
	}
	set := func(register byte) expression {
		return expression{"meta", map[uint16][]byte{unix.NFTA_META_SREG: u32(register), unix.NFTA_META_KEY: u32(unix.NFT_META_MARK)}}
	}
	// A palindrome, so that the host's byte order does not matter.
	const ours, others, bits = "ff0000ff", "00ffff00", 0xff0000ff
	for _, tt := range []struct {
		name  string
		exprs []expression
		want  uint32
	}{
		{"mark & ours | ct & others", []expression{load(1), mask(1, ours), ct(2), mask(2, others), join(bitwiseOr, 1, 2), set(1)}, ^uint32(bits)},
		{"the same with ^", []expression{load(1), mask(1, ours), ct(2), mask(2, others), join(bitwiseXor, 1, 2), set(1)}, ^uint32(bits)},
		{"the other way round", []expression{load(1), mask(1, ours), ct(2), mask(2, others), join(bitwiseOr, 2, 1), set(2)}, ^uint32(bits)},
		{"mark | ct", []expression{load(1), ct(2), join(bitwiseOr, 1, 2), set(1)}, ^uint32(0)},
		{"mark & ct", []expression{load(1), ct(2), join(bitwiseAnd, 1, 2), set(1)}, ^uint32(0)},
		{"mark & mark", []expression{load(1), load(2), join(bitwiseAnd, 1, 2), set(1)}, 0},
		{"mark << ct", []expression{load(1), ct(2), join(1, 1, 2), set(1)}, ^uint32(0)},
		{"a register by its other name", []expression{load(1), set(8)}, 0},
		{"another register", []expression{load(1), set(9)}, ^uint32(0)},
		{"a mark that is lost already", []expression{ct(1), set(1), load(1), set(1)}, ^uint32(0)},
		{"a register loaded anew", []expression{load(1), {"numgen", map[uint16][]byte{unix.NFTA_NG_DREG: u32(1)}}, set(1)}, ^uint32(0)},
	} {
		if got := (rule{exprs: tt.exprs}).overwrites(); got != tt.want {
			t.Errorf("%s: overwrites %#08x, want %#08x", tt.name, got, tt.want)
		}
	}
}

// Targets of iptables-nft, as iptables 1.8.9 writes them on a little-endian machine; the first revision of CONNMARK by its header.
func TestTargetsOfIptables(t *testing.T) {
	for _, tt := range []struct {
		option, name string
		revision     byte
		info         string
		want         uint32
	}{
		{"CONNMARK --restore-mark", "CONNMARK", 2, "00000000ffffffffffffffff00000200", 0xffffffff},
		{"CONNMARK --restore-mark --nfmask 0xffffff --ctmask 0xffffff", "CONNMARK", 2, "00000000ffffff00ffffff0000000200", 0x00ffffff},
		{"CONNMARK --save-mark", "CONNMARK", 2, "00000000ffffffffffffffff00000100", 0},
		{"CONNMARK --restore-mark", "CONNMARK", 1, "00000000ffffffffffffffff02000000", 0xffffffff},
		{"MARK --set-mark 1", "MARK", 2, "01000000ffffffff", 0xffffffff},
		{"MARK --set-mark 1/0xff", "MARK", 2, "01000000ff000000", 0x000000ff},
		{"MARK, cut", "MARK", 2, "0100", 0},
		{"TCPMSS --clamp-mss-to-pmtu", "TCPMSS", 0, "ffff0000", 0},
	} {
		info, err := hex.DecodeString(tt.info)
		must(t, err)
		r := rule{exprs: []expression{{"target", map[uint16][]byte{
			unix.NFTA_TARGET_NAME: []byte(tt.name + "\x00"), unix.NFTA_TARGET_REV: {0, 0, 0, tt.revision}, unix.NFTA_TARGET_INFO: info,
		}}}}
		if got := r.overwrites(); got != tt.want {
			t.Errorf("%s, revision %d: overwrites %#08x, want %#08x", tt.option, tt.revision, got, tt.want)
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add([]byte{unix.NFPROTO_INET, 0, 0, 0})
	f.Add(append([]byte{unix.NFPROTO_INET, 0, 0, 0}, attr(unix.NFTA_RULE_EXPRESSIONS, attr(unix.NFTA_LIST_ELEM,
		append(attr(unix.NFTA_EXPR_NAME, []byte("bitwise\x00")...), attr(unix.NFTA_EXPR_DATA, attr(unix.NFTA_BITWISE_MASK)...)...)...)...)...))
	f.Add(flowtableMessage("f", 1, "eth0").Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := parseRule(b)
		if !ok && len(b) >= nfgenmsgLen {
			t.Error("a rule with its header is none")
		}
		r.overwrites()
		parseFlowtable(b)
	})
}
