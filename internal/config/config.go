package config

import (
	"net/netip"
	"strings"

	"github.com/slicegate/slicegate/internal/slice"
)

// Bounds of what a configuration may hold. The kernel's tables are made for them.
const (
	MaxUplinks     = 8
	MaxVenues      = 8 // interfaces of the venue
	MaxSlices      = int(slice.MaxID)
	MaxRules       = 64
	MaxExperiences = 255
	MaxSubnets     = 4096 // different ones, of rules and experiences together
	MaxPriority    = 7
	MaxName        = 63 // bytes in a name of a slice or an experience
)

// Config is everything that sliced.toml says.
type Config struct {
	Venue       Venue
	Uplinks     []Uplink
	Slices      []Slice // exactly one is the default
	Rules       []Rule  // first match wins
	Experiences []Experience
	Metrics     Metrics
}

// Venue is the side where the attendees are.
type Venue struct {
	Name       string
	Interfaces []string
	ByAddress  bool   // devices = "address": a router stands between, so that a device is an address and not a MAC
	WriteDSCP  bool   // dscp
	TrustDSCP  bool   // trust_dscp
	MarkMask   uint32 // eight bits in a row; 0 to leave packet marks alone
}

// Uplink is one way to the Internet.
type Uplink struct {
	Name      string
	Interface string
	Download  slice.Rate // 0 for "off"
	Upload    slice.Rate // 0 for "off"
	Overhead  Overhead
	Adopt     bool
	Leaf      Leaf
	MSSClamp  bool // mss_clamp = "auto"
	// Shares overrides a slice's bounds on this uplink alone, by the slice's name; nil for none. It comes from live changes only.
	Shares map[string]Share
}

// Slice is a part of every uplink.
type Slice struct {
	Name     string
	Priority int // 0 (first) to MaxPriority
	Min, Max slice.Share
	Default  bool
}

// Share is a slice's bounds on one uplink. A zero field is as the slice has it.
type Share struct {
	Min, Max slice.Share
}

// Rule puts flows into a slice. What is empty matches everything; at least one of Ports, Subnets and DSCP is not.
type Rule struct {
	Slice      string
	Ports      []PortRange
	Subnets    []netip.Prefix
	DSCP       []uint8
	Experience string // "" for the subnet's owner
}

// PortRange is a run of ports of one protocol, both ends included.
type PortRange struct {
	Proto    slice.Proto
	From, To uint16
}

// Experience is who pays for a flow's bytes.
type Experience struct {
	Name    string
	Subnets []netip.Prefix
}

// Metrics is where Prometheus finds the numbers.
type Metrics struct {
	Listen string // host:port; "" for nowhere
}

// Default is what holds where the file says nothing. It has no uplink and no venue interface, so it is not valid by itself.
func Default() *Config {
	percent := func(p float64) slice.Share { return slice.Share{Percent: p} }
	return &Config{
		Venue: Venue{Name: "venue", MarkMask: 0xff000000},
		Slices: []Slice{
			{Name: slice.Signalling, Priority: 0, Min: percent(5), Max: percent(20)},
			{Name: slice.Realtime, Priority: 1, Min: percent(50), Max: percent(80)},
			{Name: "media", Priority: 2, Min: percent(30), Max: percent(100), Default: true},
			{Name: "telemetry", Priority: 2, Min: percent(5), Max: percent(100)},
		},
		Metrics: Metrics{Listen: "127.0.0.1:9469"},
	}
}

// defaultUplink is an uplink whose section gives nothing.
func defaultUplink() Uplink { return Uplink{Leaf: LeafAuto, MSSClamp: true} }

// Bounds gives those of s on u, live changes included.
func (u Uplink) Bounds(s Slice) Share {
	b := Share{Min: s.Min, Max: s.Max}
	over := u.Shares[s.Name]
	if over.Min != (slice.Share{}) {
		b.Min = over.Min
	}
	if over.Max != (slice.Share{}) {
		b.Max = over.Max
	}
	return b
}

func (c *Config) sliceNames() string {
	var all []string
	for _, s := range c.Slices {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}

func (c *Config) uplinkNames() string {
	var all []string
	for _, u := range c.Uplinks {
		all = append(all, u.Name)
	}
	return strings.Join(all, ", ")
}
