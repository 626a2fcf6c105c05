package doctor

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// markChecks ask who else writes the packet mark, in which the name of the one who pays travels through the box.
var markChecks = []check{
	{name: "packet-marks", well: "no firewall rule overwrites who pays", root: true, looks: lookMarks,
		asks: func(c Config) bool { return c.MarkMask != 0 }},
}

func lookMarks(b *box) ([]finding, error) {
	rules, err := b.rules()
	if err != nil {
		return nil, err
	}
	var list []finding
	for _, r := range rules {
		if r.overwrites()&b.cfg.MarkMask == 0 {
			continue
		}
		list = append(list, finding{
			what: fmt.Sprintf("a rule in nft table %s %s, chain %s, sets the packet mark without keeping the bits %#08x: "+
				"bytes are no longer booked to who pays; slices are right all the same", r.family, r.table, r.chain, b.cfg.MarkMask),
			do: fmt.Sprintf("have the rule keep those bits (nft, for a constant: meta mark set meta mark and %#08[1]x or 0x1; "+
				"iptables: CONNMARK --restore-mark --nfmask %#08[2]x --ctmask %#08[2]x), or choose other bits: mark_mask in [venue]",
				b.cfg.MarkMask, ^b.cfg.MarkMask),
		})
	}
	return list, nil
}

// bits is what is known of the 32 bits of a register.
type bits struct {
	kept uint32 // those that are the packet mark's, each in its place
	zero uint32 // those that are 0
}

// overwrites gives the bits of the packet mark that r does not keep. It follows the mark through the registers, as a verifier would;
// a value of unknown origin keeps nothing.
func (r rule) overwrites() uint32 {
	const all = ^uint32(0)
	var lost uint32
	registers := make(map[uint32]bits)
	for _, e := range r.exprs {
		switch {
		case e.name == "meta" && e.attrs[unix.NFTA_META_SREG] != nil:
			if e.u32(unix.NFTA_META_KEY) == unix.NFT_META_MARK {
				lost |= ^registers[register(e.u32(unix.NFTA_META_SREG))].kept
			}
		case e.name == "meta" && e.u32(unix.NFTA_META_KEY) == unix.NFT_META_MARK:
			registers[register(e.u32(unix.NFTA_META_DREG))] = bits{kept: all &^ lost}
		case e.name == "immediate":
			var b bits
			if v, ok := e.value(unix.NFTA_IMMEDIATE_DATA); ok {
				b.zero = ^v
			}
			registers[register(e.u32(unix.NFTA_IMMEDIATE_DREG))] = b
		case e.name == "bitwise":
			registers[register(e.u32(unix.NFTA_BITWISE_DREG))] = e.bitwise(registers)
		case e.name == "target":
			lost |= e.targetOverwrites()
		default:
			if attr := destination[e.name]; attr != 0 {
				registers[register(e.u32(attr))] = bits{}
			}
		}
	}
	return lost
}

// destination is, for expressions that load a register with what is no mark, the attribute that says which.
var destination = map[string]uint16{
	"meta": unix.NFTA_META_DREG, "ct": unix.NFTA_CT_DREG, "payload": unix.NFTA_PAYLOAD_DREG, "lookup": unix.NFTA_LOOKUP_DREG,
	"byteorder": unix.NFTA_BYTEORDER_DREG, "hash": unix.NFTA_HASH_DREG, "numgen": unix.NFTA_NG_DREG, "rt": unix.NFTA_RT_DREG,
	"fib": unix.NFTA_FIB_DREG, "exthdr": unix.NFTA_EXTHDR_DREG, "socket": 2, "osf": 1, "xfrm": 1, "tunnel": 2,
}

// register gives both names of one the same number: 1 to 4 are 16 bytes each, and from 8 on the same bytes go by four.
func register(number uint32) uint32 {
	if number >= 1 && number <= 4 {
		return unix.NFT_REG32_00 + 4*(number-1)
	}
	return number
}

// What a bitwise expression does, and the register that it takes as its second on newer kernels.
const (
	bitwiseOp      = 6
	bitwiseSecond  = 8
	bitwiseMaskXor = 0
	bitwiseAnd     = 3
	bitwiseOr      = 4
	bitwiseXor     = 5
)

func (e expression) bitwise(registers map[uint32]bits) bits {
	a := registers[register(e.u32(unix.NFTA_BITWISE_SREG))]
	b := registers[register(e.u32(bitwiseSecond))]
	switch e.u32(bitwiseOp) {
	case bitwiseMaskXor:
		mask, ok1 := e.value(unix.NFTA_BITWISE_MASK)
		flip, ok2 := e.value(unix.NFTA_BITWISE_XOR)
		if ok1 && ok2 {
			return bits{kept: a.kept & mask &^ flip, zero: (a.zero | ^mask) &^ flip}
		}
	case bitwiseAnd:
		return bits{kept: a.kept & b.kept, zero: a.zero | b.zero}
	case bitwiseOr:
		return bits{kept: a.kept&(b.kept|b.zero) | b.kept&a.zero, zero: a.zero & b.zero}
	case bitwiseXor:
		return bits{kept: a.kept&b.zero | b.kept&a.zero, zero: a.zero & b.zero}
	}
	return bits{}
}

// targetOverwrites reads the targets that iptables puts into nf_tables. Both set the mark to (mark & ~cleared) ^ set.
func (e expression) targetOverwrites() uint32 {
	info := e.attrs[unix.NFTA_TARGET_INFO]
	word := func(i int) uint32 {
		if len(info) < 4*i+4 {
			return 0
		}
		return binary.NativeEndian.Uint32(info[4*i:])
	}
	switch text(e.attrs[unix.NFTA_TARGET_NAME]) {
	case "MARK": // struct xt_mark_tginfo2: mark, mask
		return word(0) | word(1)
	case "CONNMARK": // struct xt_connmark_tginfo1: ctmark, ctmask, nfmask, mode; since revision 2 with a shift before the mode
		const restore = 2
		mode := 12
		if e.u32(unix.NFTA_TARGET_REV) >= 2 {
			mode = 14
		}
		if len(info) > mode && info[mode] == restore {
			return word(1) | word(2)
		}
	}
	return 0
}

// clamped reports whether some rule makes TCP connections offer segments that fit.
func (b *box) clamped() (bool, error) {
	const tcpMaxSegment = 2 // the option's kind (RFC 9293, section 3.2)
	rules, err := b.rules()
	for _, r := range rules {
		for _, e := range r.exprs {
			option := e.attrs[unix.NFTA_EXTHDR_TYPE]
			if e.name == "exthdr" && e.attrs[unix.NFTA_EXTHDR_SREG] != nil && e.u32(unix.NFTA_EXTHDR_OP) == unix.NFT_EXTHDR_OP_TCPOPT &&
				len(option) == 1 && option[0] == tcpMaxSegment {
				return true, nil
			}
			if e.name == "target" && text(e.attrs[unix.NFTA_TARGET_NAME]) == "TCPMSS" {
				return true, nil
			}
		}
	}
	return false, err
}
