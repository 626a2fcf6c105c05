package bpf

import (
	"net/netip"

	"github.com/slicegate/slicegate/internal/slice"
)

// What is in the maps; generated from the C.
type (
	Counter        = dataplaneCounter
	DropCount      = dataplaneDropCount
	Device         = dataplaneDevice
	DeviceKey      = dataplaneDeviceKey
	DeviceLimit    = dataplaneDeviceLimit
	DirectionBytes = dataplaneDirectionBytes
	LastSeen       = dataplaneLastSeen
	Flow           = dataplaneFlow
	FlowKey        = dataplaneFlowKey
	Verdict        = dataplaneVerdict
	Pin            = dataplanePin
	Prefix         = dataplanePrefix
	PrefixKey      = dataplanePrefixKey
	Settings       = dataplaneSettings
	ShaperKey      = delayShaperKey
	DelayHistogram = delayDelayHistogram
)

// Bounds of the maps.
const (
	MaxSlices      = int(dataplaneBoundMAX_SLICES)      // ids 1 to 15
	MaxDevices     = int(dataplaneBoundMAX_DEVICES)     // indexes 1 to 4095
	MaxExperiences = int(dataplaneBoundMAX_EXPERIENCES) // numbers 1 to 255
	MaxUplinks     = int(dataplaneBoundMAX_UPLINKS)
	MaxVenues      = int(dataplaneBoundMAX_VENUES)
	MaxRules       = int(dataplaneBoundMAX_RULES)
	MaxHooks       = int(dataplaneBoundMAX_HOOKS)
	MaxFlows       = int(dataplaneBoundMAX_FLOWS)
	MaxPins        = int(dataplaneBoundMAX_PINS)
	MaxPrefixes    = int(dataplaneBoundMAX_PREFIXES)
	MaxName        = int(dataplaneBoundMAX_NAME) // bytes, with a zero at the end
	DelayBuckets   = int(delayDelayBoundDELAY_BUCKETS)
)

// RootHandle is the handle of both HTB trees' root, 5c1e:.
const RootHandle = 0x5c1e0000

// ClassMinor is the minor number of a slice's class, which the programs write into skb->priority under RootHandle.
func ClassMinor(id slice.ID) uint16 { return 0x10 + uint16(id) }

// Rank says how strong a verdict is.
type Rank = dataplaneRank

// Ranks, weakest first.
const (
	RankNone        = dataplaneRankRANK_NONE
	RankDefault     = dataplaneRankRANK_DEFAULT
	RankProvisional = dataplaneRankRANK_PROVISIONAL
	RankBehaviour   = dataplaneRankRANK_BEHAVIOUR
	RankName        = dataplaneRankRANK_NAME
	RankStructure   = dataplaneRankRANK_STRUCTURE
	RankRule        = dataplaneRankRANK_RULE
	RankPin         = dataplaneRankRANK_PIN
	RankCount       = dataplaneRankRANK_COUNT
)

// Reason is what the contract calls the source of a verdict of this rank.
func Reason(r Rank) string {
	switch r {
	case RankPin:
		return "pin"
	case RankRule:
		return "rule"
	case RankStructure, RankProvisional:
		return "structure"
	case RankName:
		return "name"
	case RankBehaviour:
		return "behaviour"
	}
	return "default"
}

// Kind says what a flow carries.
type Kind = dataplaneKind

var kindNames = [dataplaneKindKIND_COUNT]string{
	dataplaneKindKIND_UNKNOWN:   "unknown",
	dataplaneKindKIND_CONTROL:   "control",
	dataplaneKindKIND_ICMP:      "icmp",
	dataplaneKindKIND_ICMPV6:    "icmpv6",
	dataplaneKindKIND_IGMP:      "igmp",
	dataplaneKindKIND_DHCP:      "dhcp",
	dataplaneKindKIND_DNS:       "dns",
	dataplaneKindKIND_NTP:       "ntp",
	dataplaneKindKIND_STUN:      "stun",
	dataplaneKindKIND_DTLS:      "dtls",
	dataplaneKindKIND_RTP_AUDIO: "rtp-audio",
	dataplaneKindKIND_RTP_VIDEO: "rtp-video",
	dataplaneKindKIND_RTCP:      "rtcp",
	dataplaneKindKIND_TURN:      "turn",
	dataplaneKindKIND_QUIC:      "quic",
	dataplaneKindKIND_TLS:       "tls",
	dataplaneKindKIND_SIP:       "sip",
}

// KindName is a kind in the contract's word.
func KindName(k Kind) string {
	if int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Fault numbers what can go wrong on the packet path; see the faults map.
type Fault = dataplaneFault

// Faults, and FaultCount of them.
const (
	FaultUnparsed    = dataplaneFaultFAULT_UNPARSED
	FaultOverwritten = dataplaneFaultFAULT_OVERWRITTEN
	FaultNoDevice    = dataplaneFaultFAULT_NO_DEVICE
	FaultLimited     = dataplaneFaultFAULT_LIMITED
	FaultInsert      = dataplaneFaultFAULT_INSERT
	FaultFragment    = dataplaneFaultFAULT_FRAGMENT
	FaultCount       = dataplaneFaultFAULT_COUNT
)

// KeyOf gives the map key of a flow; a zero Remote stays zero, the wildcard of pins.
func KeyOf(f slice.Flow) FlowKey {
	k := FlowKey{Proto: uint8(f.Proto), LocalPort: f.Local.Port(), RemotePort: f.Remote.Port()}
	k.Local = Address(f.Local.Addr())
	k.Remote = Address(f.Remote.Addr())
	return k
}

// FlowOf is the way back from KeyOf.
func FlowOf(k FlowKey) slice.Flow {
	return slice.Flow{
		Proto:  slice.Proto(k.Proto),
		Local:  netip.AddrPortFrom(netip.AddrFrom16(k.Local).Unmap(), k.LocalPort),
		Remote: netip.AddrPortFrom(netip.AddrFrom16(k.Remote).Unmap(), k.RemotePort),
	}
}

// Address gives a's 16 bytes, IPv4 mapped; zeros for the zero Addr.
func Address(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}

// PrefixKeyOf gives the longest-prefix-match key of p.
func PrefixKeyOf(p netip.Prefix) PrefixKey {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	return PrefixKey{Bits: uint32(bits), Addr: Address(p.Addr())}
}
