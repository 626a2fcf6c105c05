package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"
	"sync"
)

// Role is a hook's program.
type Role uint8

// The five hooks, in the order in which a packet from the venue meets them, and the leaf.
const (
	VenueIngress  Role = iota // classify
	UplinkEgress              // class, reverse tuple, count, stamp
	UplinkIngress             // reverse tuple to class, redirect to the ifb
	IfbEgress                 // count, stamp
	VenueEgress               // DSCP, clean up
	LeafHost                  // at a cake leaf: the device as the host that cake is fair to
)

var roleNames = [...]string{"venue_in", "uplink_out", "uplink_in", "ifb_out", "venue_out", "leaf_host"}

// String gives the program's name in the object file.
func (r Role) String() string {
	if int(r) >= len(roleNames) {
		return fmt.Sprintf("role(%d)", uint8(r))
	}
	return roleNames[r]
}

// Variant is a program with its constants. It is comparable; two equal ones are one program.
type Variant struct {
	Role      Role
	Uplink    uint8  // index in the counters, below MaxUplinks
	Hook      uint8  // index in the hooks map, below 64
	RawIP     bool   // frames begin with IP
	ByAddress bool   // devices are addresses, not MACs
	WriteDSCP bool   // mark what goes to the venue, wash what leaves it
	Shaped    bool   // there is a tree behind the hook: uplink_in redirects to the ifb
	Fair      bool   // the leaf's queues are chosen by the packet's hash: fq_codel
	Dry       bool   // judge a packet, change no map, answer in cb; for Judge
	Replay    bool   // judge a captured packet, by its clock; for Replay
	Split     uint16 // the longest superpacket that uplink_out redirects to an ifb which splits it, bytes; 0 for none
	Clamp     uint16 // the largest MSS that best-effort connections may offer through this hook, bytes; 0 for any
	MarkMask  uint32 // the bits of the packet mark that hold the experience; 0 for none
}

const namePrefix = "sliced/"

// objectHash is the code's part of a Name: every reconcile asks for all names.
var objectHash = sync.OnceValue(func() []byte {
	sum := sha256.Sum256(_DataplaneBytes)
	return sum[:]
})

// Name is the name that a filter with this program bears: role, and a hash of code and constants.
func (v Variant) Name() string {
	h := sha256.New()
	h.Write(objectHash())
	fmt.Fprintf(h, "%+v", v)
	return namePrefix + v.Role.String() + ":" + hex.EncodeToString(h.Sum(nil)[:4])
}

// Ours reports whether a filter's name is one that Name gives, in this version or another.
func Ours(filterName string) bool { return strings.HasPrefix(filterName, namePrefix) }

// Named reports whether a filter's name is one that Name gives to a variant of the program that the kernel knows as program.
func Named(filterName, program string) bool {
	return strings.HasPrefix(filterName, namePrefix+program+":")
}

// constants are the variables of the object that make v out of the common code.
func (v Variant) constants() map[string]any {
	return map[string]any{
		"uplink":     v.Uplink,
		"hook":       v.Hook,
		"raw_ip":     v.RawIP,
		"by_address": v.ByAddress,
		"write_dscp": v.WriteDSCP,
		"shaped":     v.Shaped,
		"fair":       v.Fair,
		"dry":        v.Dry,
		"replay":     v.Replay,
		"split":      v.Split,
		"clamp":      v.Clamp,
		"mark_mask":  v.MarkMask,
		"mark_shift": uint32(bits.TrailingZeros32(v.MarkMask)) & 31,
	}
}
