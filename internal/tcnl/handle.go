package tcnl

import "fmt"

// Handle names a qdisc ("5c1e:"), a class ("5c1e:11") or a place to attach to.
type Handle uint32

// Places that are no objects.
const (
	Root        Handle = 0xffffffff // parent of an interface's outermost qdisc
	Ingress     Handle = 0xfffffff1 // parent of a clsact or ingress qdisc
	HookIngress Handle = 0xfffffff2 // clsact's hook for what comes in
	HookEgress  Handle = 0xfffffff3 // clsact's hook for what goes out
)

// ClsactHandle is the handle that every clsact and ingress qdisc has.
const ClsactHandle Handle = 0xffff0000

// MakeHandle joins a major and a minor number.
func MakeHandle(major, minor uint16) Handle { return Handle(major)<<16 | Handle(minor) }

// Major is the qdisc's part.
func (h Handle) Major() uint16 { return uint16(h >> 16) }

// Minor is the class's part; 0 for a qdisc.
func (h Handle) Minor() uint16 { return uint16(h) }

// Qdisc is the handle of the qdisc that h is of.
func (h Handle) Qdisc() Handle { return h &^ 0xffff }

// String writes h as tc does; the places by name.
func (h Handle) String() string {
	switch h {
	case Root:
		return "root"
	case Ingress:
		return "clsact"
	case HookIngress:
		return "ingress"
	case HookEgress:
		return "egress"
	}
	if h.Minor() == 0 {
		return fmt.Sprintf("%x:", h.Major())
	}
	return fmt.Sprintf("%x:%x", h.Major(), h.Minor())
}
