package shaper

import (
	"fmt"
	"net/netip"

	"github.com/slicegate/slicegate/internal/slice"
)

// Config is what the operator wants. Names are unique, and IDs, Index and Number are filled in and stable for as long as a
// name is configured.
type Config struct {
	Venue       Venue
	Uplinks     []Uplink
	Slices      []Slice // exactly one is the default
	Rules       []Rule  // first match wins
	Experiences []Experience
}

// Venue is the side where the attendees are.
type Venue struct {
	Interfaces []string // names, at most bpf.MaxVenues
	ByAddress  bool     // devices are addresses, not MACs: a router stands between
	WriteDSCP  bool     // mark what goes to the venue, wash what leaves the uplink
	TrustDSCP  bool     // rules may look at what venue devices mark
	MarkMask   uint32   // the bits of the packet mark that hold the experience; 0 for none
}

// Uplink is one way to the Internet.
type Uplink struct {
	Name      string
	Interface string
	Index     uint8      // in the counters, below bpf.MaxUplinks
	Download  slice.Rate // 0: this direction is not shaped
	Upload    slice.Rate // 0: this direction is not shaped
	Overhead  Overhead   // what the link adds to a frame; zero for nothing
	Adopt     bool       // replace a root qdisc that somebody else made
	Leaf      Leaf       // zero for LeafAuto
	MSSClamp  bool       // clamp the MSS of best-effort flows where the link is slow
	// Shares overrides a slice's bounds on this uplink alone; nil for none.
	Shares map[slice.ID]Share

	reaction reaction // to what comes down; the reconciler's to say
}

// Slice is a part of every uplink.
type Slice struct {
	Name     string
	ID       slice.ID
	Priority int         // 0 (first) to 7; slices of one priority share what they leave, by their minima
	Min      slice.Share // guaranteed
	Max      slice.Share // never more than this
	Default  bool        // takes what nothing else recognised
}

// Share is a slice's bounds on one uplink. A zero field is as the slice has it.
type Share struct {
	Min, Max slice.Share
}

// Rule puts a flow into a slice, by what the operator knows. Subnets and ports match either end; what is empty matches all.
type Rule struct {
	Slice      slice.ID
	Ports      []PortRange
	Subnets    []netip.Prefix
	DSCP       []uint8
	Experience uint8 // who pays; 0 for the subnet's owner
}

// PortRange is a run of ports of one protocol, both ends included.
type PortRange struct {
	Proto    slice.Proto
	From, To uint16
}

// Experience is who pays for a flow's bytes.
type Experience struct {
	Name    string
	Number  uint8 // 1 to bpf.MaxExperiences
	Subnets []netip.Prefix
}

// Overhead is what a link adds to a frame as the kernel sees it.
type Overhead struct {
	Bytes    int  // added to every frame
	MinFrame int  // the smallest frame that the link sends, overhead included; 0 for no bound
	ATM      bool // the link pays in cells of 53 bytes that carry 48
}

// Leaf is what queues the packets of one slice.
type Leaf uint8

// The kinds of leaf.
const (
	LeafAuto    Leaf = iota // fq_codel where the kernel has it, else fifo
	LeafFQCoDel             // flows and devices apart, with AQM
	LeafCake                // device fairness by cake's own hosts
	LeafFIFO                // bounded in milliseconds; no fairness
)

var leafNames = [...]string{"auto", "fq_codel", "cake", "fifo"}

// String gives the configuration's word.
func (l Leaf) String() string {
	if int(l) >= len(leafNames) {
		return fmt.Sprintf("leaf(%d)", uint8(l))
	}
	return leafNames[l]
}

// ParseLeaf reads auto, fq_codel, cake or fifo.
func ParseLeaf(s string) (Leaf, error) {
	for i, name := range leafNames {
		if s == name {
			return Leaf(i), nil
		}
	}
	return 0, fmt.Errorf("parse leaf %q: want auto, fq_codel, cake or fifo", s)
}

// bounds gives those of s on u.
func (u Uplink) bounds(s Slice) Share {
	b := Share{Min: s.Min, Max: s.Max}
	over := u.Shares[s.ID]
	if over.Min != (slice.Share{}) {
		b.Min = over.Min
	}
	if over.Max != (slice.Share{}) {
		b.Max = over.Max
	}
	return b
}
