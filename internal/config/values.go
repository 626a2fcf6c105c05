package config

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/slicegate/slicegate/internal/slice"
)

// Leaf is the kind of queue that each slice gets.
type Leaf string

// The kinds of leaf.
const (
	LeafAuto    Leaf = "auto" // fq_codel where the kernel has it, else fifo
	LeafFQCoDel Leaf = "fq_codel"
	LeafCake    Leaf = "cake"
	LeafFIFO    Leaf = "fifo"
)

// Overhead is what the link adds to a frame as the kernel sees it.
type Overhead struct {
	Bytes    int
	MinFrame int  // the smallest frame that the link sends, overhead included; 0 for no bound
	ATM      bool // the link pays in cells of 53 bytes that carry 48
}

// presets are for an interface whose frames have their 14 bytes of Ethernet header.
var presets = []struct {
	name string
	Overhead
}{
	{"none", Overhead{}},
	{"ethernet", Overhead{Bytes: 24, MinFrame: 84}}, // preamble, checksum and the gap between frames
	{"docsis", Overhead{Bytes: 4, MinFrame: 64}},    // checksum
	{"pppoe", Overhead{Bytes: 16, MinFrame: 68}},    // PPPoE in VDSL: 8, and 4 each for PTM and the checksum
	{"atm", Overhead{Bytes: 26, ATM: true}},         // PPPoE in ADSL, LLC/SNAP: 8 for PPPoE, 10 LLC/SNAP, 8 AAL5
}

// What an overhead given in bytes may be. HTB knows no negative one.
const (
	minOverhead = 0
	maxOverhead = 256
)

func parseOverhead(s string) (Overhead, error) {
	for _, p := range presets {
		if p.name == s {
			return p.Overhead, nil
		}
	}
	if n, err := strconv.Atoi(s); err == nil && n >= minOverhead && n <= maxOverhead {
		return Overhead{Bytes: n}, nil
	}
	return Overhead{}, fmt.Errorf("want none, ethernet, docsis, pppoe, atm, or bytes from %d to %d, not %q",
		minOverhead, maxOverhead, s)
}

// parseMarkMask takes eight bits in a row, or 0.
func parseMarkMask(s string) (uint32, error) {
	v, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("want a mask of 32 bits, not %q", s)
	}
	mask := uint32(v)
	if mask != 0 && mask>>bits.TrailingZeros32(mask) != 0xff {
		return 0, fmt.Errorf("want eight bits in a row, or 0, not %q", s)
	}
	return mask, nil
}

// parsePorts reads "udp/8801-8810" or "tcp/443".
func parsePorts(s string) (PortRange, error) {
	proto, run, ok := strings.Cut(s, "/")
	if !ok {
		return PortRange{}, fmt.Errorf("%q has no protocol: write udp/%[1]s or tcp/%[1]s", s)
	}
	var p PortRange
	switch proto {
	case "tcp":
		p.Proto = slice.TCP
	case "udp":
		p.Proto = slice.UDP
	default:
		return PortRange{}, fmt.Errorf("%q: the protocol is udp or tcp, not %q", s, proto)
	}
	from, to, isRun := strings.Cut(run, "-")
	if !isRun {
		to = from
	}
	var err error
	if p.From, err = parsePort(from); err != nil {
		return PortRange{}, fmt.Errorf("%q: %w", s, err)
	}
	if p.To, err = parsePort(to); err != nil {
		return PortRange{}, fmt.Errorf("%q: %w", s, err)
	}
	if p.From > p.To {
		return PortRange{}, fmt.Errorf("%q: the first port is above the last", s)
	}
	return p, nil
}

func parsePort(s string) (uint16, error) {
	v, err := strconv.ParseUint(s, 10, 16)
	if err != nil || v == 0 {
		return 0, fmt.Errorf("a port is a number from 1 to 65535, not %q", s)
	}
	return uint16(v), nil
}

// parseSubnet takes a prefix without host bits, so that nobody wonders whether 10.9.4.7/24 means one device or 256.
func parseSubnet(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			return netip.Prefix{}, fmt.Errorf("%q has no length: write %s/%d for that address alone", s, a, a.BitLen())
		}
		return netip.Prefix{}, fmt.Errorf("%q is no subnet: want an address and a length, such as 10.9.4.0/24 or 2001:db8:4::/64", s)
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q: write an IPv4 subnet as IPv4", s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits set beyond its length: write %s, or %s/%d for that address alone",
			s, p.Masked(), p.Addr(), p.Addr().BitLen())
	}
	return p, nil
}

// dscpNames are those that have one of their own; csN and afXY are computed.
var dscpNames = map[string]uint8{"ef": 46, "va": 44, "le": 1, "be": 0, "df": 0}

// parseDSCP reads ef, va, le, be, cs0 to cs7, af11 to af43, or a number from 0 to 63.
func parseDSCP(s string) (uint8, error) {
	name := strings.ToLower(s)
	if v, ok := dscpNames[name]; ok {
		return v, nil
	}
	if n, ok := strings.CutPrefix(name, "cs"); ok && len(n) == 1 && n[0] >= '0' && n[0] <= '7' {
		return (n[0] - '0') << 3, nil
	}
	if n, ok := strings.CutPrefix(name, "af"); ok && len(n) == 2 && n[0] >= '1' && n[0] <= '4' && n[1] >= '1' && n[1] <= '3' {
		return (n[0]-'0')<<3 | (n[1]-'0')<<1, nil
	}
	if v, err := strconv.ParseUint(s, 0, 8); err == nil && v < 64 {
		return uint8(v), nil
	}
	return 0, fmt.Errorf("want a name such as ef, af41 or cs1, or a number from 0 to 63, not %q", s)
}

// rateHint proposes the spelling of a rate whose unit is written in one of the usual other ways.
func rateHint(s string) string {
	at := strings.IndexFunc(s, func(c rune) bool { return !strings.ContainsRune("0123456789.", c) })
	number, unit := s, ""
	if at >= 0 {
		number, unit = s[:at], strings.TrimSpace(s[at:])
	}
	switch {
	case number == "":
		return ""
	case unit == "":
		return fmt.Sprintf("write %q if it is megabits a second", number+"mbit")
	case strings.HasSuffix(unit, "B/s") || strings.HasSuffix(unit, "Bps"):
		return "rates are in bits: 1 MB/s is 8mbit"
	}
	for _, prefix := range []string{"k", "m", "g"} {
		rest, ok := strings.CutPrefix(strings.ToLower(unit), prefix)
		if ok && unit != prefix+"bit" && slices.Contains([]string{"", "b", "bit", "bits", "bps", "bit/s", "b/s"}, rest) {
			return fmt.Sprintf("write %q", number+prefix+"bit")
		}
	}
	return ""
}

// shareHint is rateHint for what may be a share, too.
func shareHint(s string) string {
	if s != "" && strings.Trim(s, "0123456789.") == "" {
		return fmt.Sprintf("write \"%s%%\" if it is a part of the link", s)
	}
	return rateHint(s)
}
