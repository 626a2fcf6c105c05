package api

// Directions of a slice, as the contract writes them.
const (
	Up   = "up"   // venue to Internet
	Down = "down" // Internet to venue
)

// States of an uplink.
const (
	Shaped  = "shaped"
	Waiting = "waiting" // no such interface yet
	Foreign = "foreign" // somebody else's root qdisc is on it
	Paused  = "paused"  // the shaping was taken away on request
	Failed  = "failed"
)

// Status is the whole box on one screen. Counters are since the maps were made, and survive restarts of the agent.
type Status struct {
	Version  Schema             `json:"version"`
	Uplinks  List[UplinkStatus] `json:"uplinks"`
	Slices   List[SliceStatus]  `json:"slices"`
	Stage    uint8              `json:"stage"`
	Orders   *OrdersStatus      `json:"orders"` // null until there are orders
	Problems List[Problem]      `json:"problems"`
}

// UplinkStatus is a link and how fast it is.
type UplinkStatus struct {
	Name      string     `json:"name"`
	Interface string     `json:"interface"`
	State     string     `json:"state"`
	Download  LinkStatus `json:"download"`
	Upload    LinkStatus `json:"upload"`
}

// LinkStatus is one direction of an uplink.
type LinkStatus struct {
	RateBPS *uint64 `json:"rate_bps"` // null when off
	UsedBPS uint64  `json:"used_bps"`
	// NarrowedBPS is by how much less is let through now, for what comes down the link and is dropped. Left out when it is nothing.
	NarrowedBPS uint64 `json:"narrowed_bps,omitempty"`
}

// SliceStatus is a slice in one direction of one uplink. Bytes and packets are what was offered to the shaper, drops what
// it dropped of them.
type SliceStatus struct {
	Uplink       string       `json:"uplink"`
	Direction    string       `json:"direction"`
	Name         string       `json:"name"`
	MinBPS       uint64       `json:"min_bps"`
	MaxBPS       uint64       `json:"max_bps"`
	Bytes        uint64       `json:"bytes"`
	Packets      uint64       `json:"packets"`
	Drops        uint64       `json:"drops"`
	BacklogBytes uint64       `json:"backlog_bytes"`
	DelayUS      *DelayStatus `json:"delay_us"` // of the last minute; null without kernel BTF or without a sample
	Devices      uint64       `json:"devices"`  // seen in 10 s
}

// DelayStatus is a delay in µs.
type DelayStatus struct {
	P50 uint64 `json:"p50"`
	P99 uint64 `json:"p99"`
	Max uint64 `json:"max"`
}

// OrdersStatus is the order buffer.
type OrdersStatus struct {
	Accepted        uint64 `json:"accepted"`
	Unsynced        uint64 `json:"unsynced"`
	Dead            uint64 `json:"dead"`
	OldestUnsyncedS uint64 `json:"oldest_unsynced_s"`
}

// Problem is what is wrong, and what a site lead can do about it.
type Problem struct {
	What string `json:"what"`
	Do   string `json:"do"`
}

// Devices are the heaviest devices of the venue, heaviest first.
type Devices struct {
	Version Schema             `json:"version"`
	Devices List[DeviceStatus] `json:"devices"`
}

// DeviceStatus is a device and what it moves over all uplinks.
type DeviceStatus struct {
	Device     string        `json:"device"`     // MAC, IPv4 address or IPv6 /64
	Experience string        `json:"experience"` // whose subnet it is in; "" for none, and where devices are MACs
	Download   DeviceTraffic `json:"download"`
	Upload     DeviceTraffic `json:"upload"`
}

// DeviceTraffic is one direction of a device.
type DeviceTraffic struct {
	Bytes   uint64 `json:"bytes"`    // since the device came
	UsedBPS uint64 `json:"used_bps"` // over the last seconds
}

// Explanation says why a flow is in its slice.
type Explanation struct {
	Version         Schema `json:"version"`
	Live            bool   `json:"live"` // false: what its first packet would get
	Slice           string `json:"slice"`
	Kind            string `json:"kind"`
	Reason          string `json:"reason"` // pin, rule, structure, name, behaviour, default
	Detail          string `json:"detail"`
	PacketsToSettle uint64 `json:"packets_to_settle"`
	Device          string `json:"device"` // MAC or address, "" for none
	Experience      string `json:"experience"`
}

// TeardownReport says what a teardown could not put back.
type TeardownReport struct {
	Version     Schema       `json:"version"`
	NotRestored List[string] `json:"not_restored"`
}

// Done is the answer of a verb that has nothing else to say.
type Done struct {
	Version Schema `json:"version"`
}
