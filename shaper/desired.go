package shaper

import (
	"fmt"
	"math"
	"slices"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Env is what the desired state depends on besides the configuration.
type Env struct {
	Interfaces map[string]Interface
	// Leave are interfaces, by name, on which nothing of ours shall be: what somebody else made there stands in the way.
	Leave         map[string]bool
	FQCoDel, Cake bool // the kernel has them
	NoSplitter    bool // no ifb could be made that splits
}

// Desired is what the kernel should hold: for each uplink that is there two trees, an ifb or two, and programs; programs for each venue
// interface. An uplink that is away keeps its ifb as it is, so that it goes on counting where it was.
func Desired(cfg Config, env Env) (State, error) {
	s := newState()
	for j, name := range cfg.Venue.Interfaces {
		if link, ok := env.Interfaces[name]; ok && !env.Leave[name] {
			s.Groups = append(s.Groups, Group{Name: name, Devices: []string{name}})
			s.venue(cfg.Venue, uint8(2*j), name, link)
		}
	}
	for _, u := range cfg.Uplinks {
		if env.Leave[u.Interface] {
			continue
		}
		if err := s.uplink(cfg, u, env); err != nil {
			return State{}, fmt.Errorf("uplink %s: %w", u.Name, err)
		}
	}
	return s, nil
}

func (s State) venue(v Venue, hook uint8, dev string, link Interface) {
	s.clsact(dev)
	s.program(dev, tcnl.HookIngress, "", bpf.Variant{
		Role: bpf.VenueIngress, Hook: hook, RawIP: !link.Ethernet, ByAddress: v.ByAddress, MarkMask: v.MarkMask,
	})
	s.program(dev, tcnl.HookEgress, "", bpf.Variant{
		Role: bpf.VenueEgress, Hook: hook + 1, RawIP: v.WriteDSCP && !link.Ethernet, WriteDSCP: v.WriteDSCP,
	})
}

// uplinkHooks is the first number of the uplinks' hooks; each uplink has room for four.
const uplinkHooks = 16

func (s *State) uplink(cfg Config, u Uplink, env Env) error {
	link, there := env.Interfaces[u.Interface]
	ifb, kept := env.Interfaces[ifbOf(u)]
	if !there {
		if !kept || !ifb.Ours || u.Download == 0 {
			return nil
		}
		link = Interface{MTU: ifb.MTU}
	}
	if o := u.Overhead; o.Bytes < 0 || o.Bytes > maxOverhead || o.MinFrame < 0 || o.MinFrame > maxOverhead {
		return fmt.Errorf("overhead of %d bytes in frames of at least %d: must be 0 to %d", o.Bytes, o.MinFrame, maxOverhead)
	}
	s.Groups = append(s.Groups, Group{Name: u.Name, Devices: []string{ifbOf(u), splitterOf(u), u.Interface}})
	t := tree{cfg: cfg, uplink: u, mtu: link.MTU, env: env}
	if u.Download > 0 {
		s.download(t, max(link.MTU, ifb.MTU))
	}
	if !there {
		return nil
	}
	t.dir = slice.Up
	if u.Upload > 0 {
		t.each(s.add)
	}
	if t.splits() {
		s.add(Link{Dev: splitterOf(u), MTU: link.MTU, Up: true, Splits: true, Marked: true})
	}
	s.uplinkPrograms(t, !link.Ethernet)
	return nil
}

// maxOverhead is more than any link adds to a frame; the kernel could count four times that.
const maxOverhead = 16384

// download is the ifb: link, tree and program.
func (s State) download(t tree, mtu int) {
	dev := ifbOf(t.uplink)
	s.add(Link{Dev: dev, MTU: mtu, Up: true, Marked: true})
	t.dir = slice.Down
	t.each(s.add)
	s.clsact(dev)
	s.program(dev, tcnl.HookEgress, "", bpf.Variant{
		Role: bpf.IfbEgress, Uplink: t.uplink.Index, Hook: uplinkHooks + 4*t.uplink.Index + 2,
		Shaped: true, MarkMask: t.cfg.Venue.MarkMask,
	})
}

// uplinkPrograms are those of the interface that t's upload leaves by.
func (s State) uplinkPrograms(t tree, rawIP bool) {
	u, v, fair := t.uplink, t.cfg.Venue, t.env.leaf(t.uplink.Leaf) == LeafFQCoDel
	s.clsact(u.Interface)
	common := bpf.Variant{Uplink: u.Index, RawIP: rawIP, MarkMask: v.MarkMask}
	out, in := common, common
	out.Role, out.Hook = bpf.UplinkEgress, uplinkHooks+4*u.Index
	out.WriteDSCP, out.Shaped = v.WriteDSCP, u.Upload > 0
	out.Fair = out.Shaped && fair
	out.Clamp = u.clamp(slice.Down)
	splitter := ""
	if t.splits() {
		splitter, out.Split = splitterOf(u), uint16(min(t.leafBurst(), math.MaxUint16))
	}
	s.program(u.Interface, tcnl.HookEgress, splitter, out)
	in.Role, in.Hook = bpf.UplinkIngress, uplinkHooks+4*u.Index+1
	in.Shaped = u.Download > 0
	in.Fair = in.Shaped && fair
	in.Clamp = u.clamp(slice.Up)
	redirect := ""
	if in.Shaped {
		redirect = ifbOf(u)
	}
	s.program(u.Interface, tcnl.HookIngress, redirect, in)
}

func (s State) clsact(dev string) {
	s.add(Qdisc{Dev: dev, Handle: tcnl.ClsactHandle, Parent: tcnl.Ingress, Options: tcnl.Clsact{}})
}

func (s State) program(dev string, hook tcnl.Handle, redirect string, v bpf.Variant) {
	s.add(program(dev, hook, redirect, v))
}

// program is v at a hook, or at a leaf. All answer for the packet themselves, but for the leaf's, which names a class, and those at the
// uplink that redirect to an ifb: a program's own redirect loses packets on some kernels and devices, mirred's does not.
func program(dev string, hook tcnl.Handle, redirect string, v bpf.Variant) Filter {
	return Filter{
		Dev: dev, Hook: hook, Kind: "bpf", Program: v.Name(), Variant: v, Redirect: redirect,
		DirectAction: v.Role != bpf.UplinkIngress && v.Role != bpf.LeafHost && v.Split == 0,
	}
}

// What counts as slow, and the segments that best-effort connections may send there: a full packet takes as long as a call may wait.
// Senders hand over two segments at once where they can, and a leaf splits what is longer than a full frame and its burstMargin: at an
// MTU of 1500 these are just too long to pass in pairs, with 40 bytes of headers and no link layer's.
const (
	slowLink    = 4 * slice.Mbit
	slowSegment = 780 // bytes
)

// clamp bounds the segments that go one way. The SYNs that say so go the other way, so it belongs to the program there.
func (u Uplink) clamp(dir slice.Direction) uint16 {
	if rate := u.rate(dir); u.MSSClamp && rate > 0 && rate <= slowLink {
		return slowSegment
	}
	return 0
}

// rate is u's in one direction, as it is configured; 0 where that is not shaped.
func (u Uplink) rate(dir slice.Direction) slice.Rate {
	if dir == slice.Down {
		return u.Download
	}
	return u.Upload
}

// devices lists the interfaces of the configuration.
func (cfg Config) devices() []string {
	list := slices.Clone(cfg.Venue.Interfaces)
	for _, u := range cfg.Uplinks {
		list = append(list, u.Interface)
	}
	return list
}
