package slice

import (
	"errors"
	"net/netip"
	"strconv"
)

// Proto is an IP protocol number.
type Proto uint8

// Protocols that carry ports.
const (
	TCP Proto = 6
	UDP Proto = 17
)

// String gives "tcp", "udp", "icmp", "icmpv6" or the number.
func (p Proto) String() string {
	switch p {
	case 1:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case 58:
		return "icmpv6"
	}
	return strconv.Itoa(int(p))
}

// Flow is a 5-tuple as this host sees it. A zero Remote matches any peer. An unspecified Local address stands for all of
// the box's own addresses of that family, followed as they change.
type Flow struct {
	Proto         Proto
	Local, Remote netip.AddrPort
}

// Tag names the experience that pays for a flow's bytes: a stall, a stage, an SSID. The empty Tag is nobody.
type Tag string

// Errors of Pinner. Callers log once, count, and keep the call alive in the default slice.
var (
	ErrConflict = errors.New("flow is pinned to another slice")
	ErrFull     = errors.New("pin table is full")
)

// Pinner binds flows to slices. When Pin returns, later packets of f, in both directions, are in id.
// Pinning the same pair again adds a reference; release is idempotent.
// Errors are ErrConflict and ErrFull, or what the kernel said.
type Pinner interface {
	Pin(f Flow, id ID, tag Tag) (release func(), err error)
}
