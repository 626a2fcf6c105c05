package shaper

import (
	"fmt"
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
}

// Desired is what the kernel should hold: for each uplink that is there two trees, an ifb, and programs; programs for each venue
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
	s.Groups = append(s.Groups, Group{Name: u.Name, Devices: []string{ifbOf(u), u.Interface}})
	t := tree{cfg: cfg, uplink: u, mtu: link.MTU, env: env}
	if u.Download > 0 {
		s.download(t, max(link.MTU, ifb.MTU))
	}
	if !there {
		return nil
	}
	if u.Upload > 0 {
		t.dir = slice.Up
		t.addTo(*s)
	}
	s.uplinkPrograms(cfg.Venue, u, !link.Ethernet)
	return nil
}

// maxOverhead is more than any link adds to a frame; the kernel could count four times that.
const maxOverhead = 16384

// download is the ifb: link, tree and program.
func (s State) download(t tree, mtu int) {
	dev := ifbOf(t.uplink)
	s.add(Link{Dev: dev, MTU: mtu, Up: true, Marked: true})
	t.dir = slice.Down
	t.addTo(s)
	s.clsact(dev)
	s.program(dev, tcnl.HookEgress, "", bpf.Variant{
		Role: bpf.IfbEgress, Uplink: t.uplink.Index, Hook: uplinkHooks + 4*t.uplink.Index + 2, Shaped: true, MarkMask: t.cfg.Venue.MarkMask,
	})
}

func (s State) uplinkPrograms(v Venue, u Uplink, rawIP bool) {
	s.clsact(u.Interface)
	common := bpf.Variant{Uplink: u.Index, RawIP: rawIP, MarkMask: v.MarkMask}
	out, in := common, common
	out.Role, out.Hook = bpf.UplinkEgress, uplinkHooks+4*u.Index
	out.WriteDSCP, out.Shaped = v.WriteDSCP, u.Upload > 0
	s.program(u.Interface, tcnl.HookEgress, "", out)
	in.Role, in.Hook = bpf.UplinkIngress, uplinkHooks+4*u.Index+1
	in.Shaped = u.Download > 0
	redirect := ""
	if in.Shaped {
		redirect = ifbOf(u)
	}
	s.program(u.Interface, tcnl.HookIngress, redirect, in)
}

func (s State) clsact(dev string) {
	s.add(Qdisc{Dev: dev, Handle: tcnl.ClsactHandle, Parent: tcnl.Ingress, Options: tcnl.Clsact{}})
}

// program puts v at a hook. All answer for the packet themselves, but for the uplink's ingress: a program's own redirect to an ifb
// loses packets on some kernels and devices, mirred's does not.
func (s State) program(dev string, hook tcnl.Handle, redirect string, v bpf.Variant) {
	s.add(Filter{
		Dev: dev, Hook: hook, Kind: "bpf", Program: v.Name(), Variant: v, Redirect: redirect,
		DirectAction: v.Role != bpf.UplinkIngress,
	})
}

// tree is one direction of one uplink.
type tree struct {
	cfg    Config
	uplink Uplink
	dir    slice.Direction
	mtu    int // of the uplink, for both directions
	env    Env
}

func (t tree) dev() string {
	if t.dir == slice.Down {
		return ifbOf(t.uplink)
	}
	return t.uplink.Interface
}

func (t tree) addTo(s State) {
	dev, link := t.dev(), t.uplink.rate(t.dir)
	htb := tcnl.HTB{}
	sharing := make(map[int][]Slice)
	for _, sl := range t.cfg.Slices {
		sharing[sl.Priority] = append(sharing[sl.Priority], sl)
		if sl.Default {
			htb.Default = uint32(bpf.ClassMinor(sl.ID))
		}
	}
	s.add(Qdisc{Dev: dev, Handle: rootHandle, Parent: tcnl.Root, Options: htb})
	s.add(Class{Dev: dev, Handle: linkClass, Parent: tcnl.Root, HTB: t.class(link, link)})
	for priority, members := range sharing {
		if len(members) == 1 {
			s.add(t.alone(members[0]))
		} else {
			t.shared(s, priority, members)
		}
		for _, sl := range members {
			t.leaf(s, sl)
		}
	}
}

// alone is a slice that has its priority for itself.
func (t tree) alone(sl Slice) Class {
	low, high := t.bounds(sl)
	c := Class{Dev: t.dev(), Handle: sliceClass(sl.ID), Parent: linkClass, HTB: t.class(low, high)}
	c.HTB.Prio, c.HTB.Quantum = uint32(sl.Priority), t.frame()
	return c
}

// shared puts slices of one priority under one class. They have next to no rate of their own: a leaf within its rate would send
// without asking its parent, so that each of them would put a packet ahead of what matters more.
func (t tree) shared(s State, priority int, members []Slice) {
	var sum slice.Rate
	smallest := slice.MaxRate
	for _, sl := range members {
		low, _ := t.bounds(sl)
		sum += low
		smallest = min(smallest, low)
	}
	link := t.uplink.rate(t.dir)
	s.add(Class{Dev: t.dev(), Handle: innerClass(priority), Parent: linkClass, HTB: t.class(min(sum, link), link)})
	for _, sl := range members {
		low, high := t.bounds(sl)
		c := Class{Dev: t.dev(), Handle: sliceClass(sl.ID), Parent: innerClass(priority), HTB: t.class(floorRate, high)}
		turns := min(float64(low)/float64(smallest), maxTurns)
		c.HTB.Prio, c.HTB.Quantum = uint32(priority), uint32(turns*float64(t.frame()))
		s.add(c)
	}
}

const (
	// floorRate is what a class gets at least: HTB knows no class without a rate.
	floorRate = 8 * slice.Kbit
	// maxTurns bounds how many frames one slice sends before another of its priority has its turn.
	maxTurns = 64
)

// bounds are the rates between which a slice is kept: at least floorRate, at most the link's.
func (t tree) bounds(sl Slice) (low, high slice.Rate) {
	link := t.uplink.rate(t.dir)
	b := t.uplink.bounds(sl)
	low = min(max(b.Min.Of(link), floorRate), link)
	high = min(max(b.Max.Of(link), low), link)
	return low, high
}

// frame is the largest frame as HTB sees it.
func (t tree) frame() uint32 { return uint32(t.mtu) + etherHeader }

const etherHeader = 14

func (t tree) class(rate, ceil slice.Rate) tcnl.HTBClass {
	return tcnl.HTBClass{Rate: t.rate(rate), Ceil: t.rate(ceil), Burst: burst(rate), CeilBurst: burst(ceil)}
}

func (t tree) rate(r slice.Rate) tcnl.Rate {
	o := t.uplink.Overhead
	k := tcnl.Rate{
		BytesPerSecond: uint64(max(r/8, 1)),
		Overhead:       uint16(o.Bytes),
		MPU:            uint16(o.MinFrame),
		LinkLayer:      tcnl.Ethernet,
	}
	if o.ATM {
		k.LinkLayer = tcnl.ATM
	}
	return k
}

// burst is how long a class may exceed a rate, in HTB's ticks. It is short, since it all lands in the modem's queue ahead of a call;
// above 100 Mbit/s a busy host would not wake up in time.
func burst(r slice.Rate) uint32 {
	const short, long = 100_000, 250_000 // ns
	if r > 100*slice.Mbit {
		return long / tcnl.TickNanoseconds
	}
	return short / tcnl.TickNanoseconds
}

// rate is u's in one direction; 0 where that is not shaped.
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
