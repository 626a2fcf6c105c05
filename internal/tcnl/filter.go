package tcnl

import (
	"fmt"
	"math/bits"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ProtocolAll makes a filter see every packet.
const ProtocolAll = unix.ETH_P_ALL

// Filter is a classifier at a hook of clsact, or on a qdisc.
type Filter struct {
	Ifindex  int
	Parent   Handle // HookIngress, HookEgress, or a qdisc
	Pref     uint16 // lower ones run first
	Protocol uint16 // EtherType, host byte order
	Chain    uint32
	Handle   uint32
	Kind     string // dumped alone
	BPF      BPF    // of kind bpf
}

func (f Filter) tcmsg() tcmsg {
	return tcmsg{
		ifindex: f.Ifindex,
		handle:  Handle(f.Handle),
		parent:  f.Parent,
		info:    uint32(f.Pref)<<16 | uint32(networkOrder(f.Protocol)),
	}
}

// networkOrder swaps to and from network byte order; this host's is known to netlink alone.
func networkOrder(v uint16) uint16 {
	if native.Uint16([]byte{0, 1}) == 1 {
		return v
	}
	return bits.ReverseBytes16(v)
}

// SetFilter puts a cls_bpf filter in its place: parent, pref and handle. One that is there goes on until it is replaced, so that
// no packet passes between the two.
func (c *Conn) SetFilter(f Filter) error {
	var e encoder
	e.string(attrKind, kindBPF)
	e.nest(attrOptions, func() { f.BPF.encode(&e) })
	return c.request(unix.RTM_NEWTFILTER, netlink.Create, f.tcmsg(), &e, "set filter", f)
}

// DeleteFilter removes f.
func (c *Conn) DeleteFilter(f Filter) error {
	var e encoder
	if f.Kind != "" {
		e.string(attrKind, f.Kind)
	}
	return c.request(unix.RTM_DELTFILTER, 0, f.tcmsg(), &e, "delete filter", f)
}

func (f Filter) String() string {
	return fmt.Sprintf("%s pref %d handle %#x on ifindex %d", f.Parent, f.Pref, f.Handle, f.Ifindex)
}

// Runs reports whether packets come to f by themselves: it is in chain 0, and no entry that stands for a classifier that holds some.
func (f Filter) Runs() bool { return f.Chain == 0 && (f.Kind != kindBPF || f.Handle != 0) }

// Filters dumps those at one hook or qdisc, in the order in which they run; none if the hook or the interface is not there. Some
// kinds begin with an entry of handle 0 that stands for the classifier itself.
func (c *Conn) Filters(ifindex int, parent Handle) ([]Filter, error) {
	op := fmt.Sprintf("dump filters of %s on ifindex %d", parent, ifindex)
	messages, err := c.dump(unix.RTM_GETTFILTER, tcmsg{ifindex: ifindex, parent: parent}, op)
	if err != nil {
		if Gone(err) {
			return nil, nil
		}
		return nil, err
	}
	filters := make([]Filter, 0, len(messages))
	for _, m := range messages {
		if f, ok := parseFilter(m.Data); ok && m.Header.Type == unix.RTM_NEWTFILTER {
			filters = append(filters, f)
		}
	}
	return filters, nil
}

func parseFilter(b []byte) (Filter, bool) {
	t, rest, ok := parseTcmsg(b)
	if !ok {
		return Filter{}, false
	}
	f := Filter{
		Ifindex:  t.ifindex,
		Parent:   t.parent,
		Handle:   uint32(t.handle),
		Pref:     uint16(t.info >> 16),
		Protocol: networkOrder(uint16(t.info)),
	}
	var options []byte
	for typ, v := range attrs(rest) {
		switch typ {
		case attrKind:
			f.Kind = text(v)
		case attrOptions:
			options = v
		case attrChain:
			f.Chain = u32(v)
		}
	}
	if f.Kind == kindBPF {
		f.BPF = parseBPF(options)
	}
	return f, true
}
