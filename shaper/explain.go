package shaper

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Explanation says why a flow is in its slice.
type Explanation struct {
	Live            bool // false: what its first packet would get
	Slice           slice.ID
	Kind            string
	Rank            bpf.Rank
	Rule            int // from 1, in the configuration's order; 0 where no rule decided
	PacketsToSettle int
	Device          string // MAC or address; "" for none
	Experience      uint8
}

// explainer reads the kernel's own tables.
type explainer struct {
	set   *bpf.Set
	links *netlink.Handle // of the box's network namespace
}

// explain finds a flow by its tuple before NAT, or by the NAT'd one, either way round.
func (e explainer) explain(f slice.Flow, venue bpf.Variant) (Explanation, error) {
	ways := [...]slice.Flow{f, {Proto: f.Proto, Local: f.Remote, Remote: f.Local}}
	for _, way := range ways {
		entry, err := lookupFlow(e.set.Maps["flows"], e.set.Maps["flows_new"], way)
		if err != nil {
			return Explanation{}, err
		}
		if entry != nil {
			return e.live(way, entry)
		}
	}
	for _, way := range ways {
		outside, err := lookupFlow(e.set.Maps["reverse"], e.set.Maps["reverse_new"], way)
		if err != nil {
			return Explanation{}, err
		}
		if outside == nil {
			continue
		}
		inside, err := lookupFlow(e.set.Maps["flows"], e.set.Maps["flows_new"], e.translate(way, reply))
		if err != nil {
			return Explanation{}, err
		}
		return e.combine(inside, outside)
	}
	return e.judge(f, venue)
}

// lookupFlow looks in a settled table, then in its nursery; nil when the flow is in neither.
func lookupFlow(settled, nursery *ebpf.Map, f slice.Flow) (*bpf.Flow, error) {
	for _, m := range []*ebpf.Map{settled, nursery} {
		var entry bpf.Flow
		err := m.Lookup(bpf.KeyOf(f), &entry)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look up flow: %w", err)
		}
		return &entry, nil
	}
	return nil, nil
}

// live explains a flow of the venue's or the box's, which the uplink may know under another tuple, and better.
func (e explainer) live(inside slice.Flow, entry *bpf.Flow) (Explanation, error) {
	outside, err := lookupFlow(e.set.Maps["reverse"], e.set.Maps["reverse_new"], e.translate(inside, original))
	if err != nil {
		return Explanation{}, err
	}
	return e.combine(entry, outside)
}

// combine gives the stronger verdict of the two sides, as the programs do; either may be nil.
func (e explainer) combine(inside, outside *bpf.Flow) (Explanation, error) {
	x := Explanation{Live: true}
	var verdict bpf.Verdict
	consider := func(v bpf.Verdict, settledAt uint16) {
		if v.Rank > verdict.Rank {
			v.Kind = cmp.Or(v.Kind, verdict.Kind) // a pin or a rule says nothing of what is inside
			verdict, x.PacketsToSettle = v, int(settledAt)
		}
		verdict.Kind = cmp.Or(verdict.Kind, v.Kind)
	}
	device := uint16(0)
	if inside != nil {
		consider(inside.Given, inside.SettledAt)
		consider(inside.Learned, inside.SettledAt)
		device, x.Experience = inside.Device, inside.Experience
	}
	if outside != nil {
		consider(outside.Given, outside.SettledAt)
		consider(outside.Learned, outside.SettledAt)
		if inside == nil {
			device, x.Experience = outside.Device, outside.Experience
		}
	}
	return e.finish(x, verdict, device)
}

func (e explainer) finish(x Explanation, v bpf.Verdict, device uint16) (Explanation, error) {
	var settings bpf.Settings
	if err := e.set.Maps["box"].Lookup(uint32(0), &settings); err != nil {
		return Explanation{}, fmt.Errorf("read settings: %w", err)
	}
	x.Slice, x.Kind, x.Rank = slice.ID(v.Slice), bpf.KindName(bpf.Kind(v.Kind)), bpf.Rank(v.Rank)
	if x.Rank <= bpf.RankDefault {
		x.Slice = slice.ID(settings.DefaultSlice)
	}
	if x.Rank == bpf.RankRule {
		x.Rule = int(v.Detail) + 1
	}
	if device == 0 {
		return x, nil
	}
	var key bpf.DeviceKey
	var value bpf.Device
	entries := e.set.Maps["devices"].Iterate()
	for entries.Next(&key, &value) {
		if value.Index == device {
			x.Device = deviceText(key)
			break
		}
	}
	return x, entries.Err()
}

// deviceText writes an IPv4 address, a MAC, or an IPv6 /64.
func deviceText(key bpf.DeviceKey) string {
	if mac, ok := deviceMAC(key); ok {
		return mac.String()
	}
	addr := netip.AddrFrom16(key.Addr)
	if addr.Is4In6() {
		return addr.Unmap().String()
	}
	return netip.PrefixFrom(addr, 64).String()
}

// deviceMAC gives the MAC of a device that is known by one. No MAC of a sender begins as an IPv4-mapped address goes on, and only a
// MAC follows ten zeros.
func deviceMAC(key bpf.DeviceKey) (net.HardwareAddr, bool) {
	if netip.AddrFrom16(key.Addr).Is4In6() || [10]byte(key.Addr[:10]) != [10]byte{} {
		return nil, false
	}
	return net.HardwareAddr(key.Addr[10:]), true
}

// Which of conntrack's two tuples is asked for.
type tuple bool

const (
	original tuple = true
	reply    tuple = false
)

// translate gives the tuple on the other side of NAT: from is the side that f is on. Without NAT, or without conntrack, it is f.
func (e explainer) translate(f slice.Flow, from tuple) slice.Flow {
	family := netlink.InetFamily(netlink.FAMILY_V4)
	if f.Local.Addr().Is6() && !f.Local.Addr().Is4In6() {
		family = netlink.FAMILY_V6
	}
	flows, err := e.links.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		return f
	}
	for _, c := range flows {
		inside := slice.Flow{Proto: slice.Proto(c.Forward.Protocol), Local: endpoint(c.Forward.SrcIP, c.Forward.SrcPort), Remote: endpoint(c.Forward.DstIP, c.Forward.DstPort)}
		outside := slice.Flow{Proto: inside.Proto, Local: endpoint(c.Reverse.DstIP, c.Reverse.DstPort), Remote: endpoint(c.Reverse.SrcIP, c.Reverse.SrcPort)}
		if from == original && inside == f {
			return outside
		}
		if from == reply && outside == f {
			return inside
		}
	}
	return f
}

func endpoint(ip net.IP, port uint16) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), port)
}

// judge asks the classifier about the first packet of a flow that is not live.
func (e explainer) judge(f slice.Flow, venue bpf.Variant) (Explanation, error) {
	v, experience, err := e.set.Judge(venue, firstFrame(f))
	if err != nil {
		return Explanation{}, err
	}
	return e.finish(Explanation{Experience: experience}, v, 0)
}
