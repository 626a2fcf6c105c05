package shaper

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Link is an ifb: one through which an uplink's download goes, or one that splits what goes up.
type Link struct {
	Dev string
	MTU int
	Up  bool
	// Splits is that superpackets leave it as the packets they stand for.
	Splits bool
	// Marked is that it bears our alias; without it another agent would not know it for ours.
	Marked bool
}

// ID gives l's place.
func (l Link) ID() ID { return ID{Kind: LinkObject, Dev: l.Dev} }

func (l Link) name() string { return "" }

func (l Link) params() []param {
	state, alias := "down", "none"
	if l.Up {
		state = "up"
	}
	if l.Marked {
		alias = ifbAlias
	}
	list := []param{{name: "type", value: "ifb", fixed: true}, {name: "mtu", value: strconv.Itoa(l.MTU)}}
	if l.Splits {
		list = append(list, param{name: "gso_max_segs", value: "1"})
	}
	return append(list, param{name: "alias", value: alias}, param{name: "state", value: state})
}

// Qdisc is a queueing discipline in its place.
type Qdisc struct {
	Dev     string
	Handle  tcnl.Handle
	Parent  tcnl.Handle
	Options tcnl.Options
	// Foreign is that somebody else made it, in a place where we leave it unless we want the place.
	Foreign bool
	raw     string // an observed one's options as they came
}

// ID gives q's place.
func (q Qdisc) ID() ID { return ID{Kind: QdiscObject, Dev: q.Dev, Place: q.Parent} }

func (q Qdisc) name() string { return q.Handle.String() }

func (q Qdisc) kind() string {
	if q.Options == nil {
		return ""
	}
	return q.Options.Kind()
}

func (q Qdisc) params() []param {
	kind := param{name: q.kind(), fixed: true}
	if q.Parent == tcnl.Ingress {
		if q.Options == (tcnl.Clsact{Shared: true}) {
			return []param{kind, {name: "with", value: "shared blocks", fixed: true}}
		}
		return []param{kind}
	}
	handle := param{name: "handle", value: q.Handle.String(), fixed: true, silent: true}
	list := []param{handle, {name: "parent", value: q.Parent.String(), fixed: true}, kind}
	switch o := q.Options.(type) {
	case tcnl.HTB:
		// HTB has no change: another default class takes another tree.
		list = append(list, param{name: "default", value: strconv.FormatUint(uint64(o.Default), 16), fixed: true})
	case tcnl.TBF:
		burst := "unknown"
		if o.Burst != 0 {
			burst = strconv.FormatUint(uint64(o.Burst), 10)
		}
		list = append(list, param{name: "rate", value: rateText(o.Rate)}, param{name: "burst", value: burst}, number("limit", o.Limit))
	case tcnl.FQCoDel:
		flows := number("flows", o.Flows)
		flows.fixed = true
		list = append(list, flows, number("limit", o.Limit), number("quantum", o.Quantum), duration("target", o.Target),
			duration("interval", o.Interval), number("memory", o.Memory), param{name: "ecn", value: strconv.FormatBool(o.ECN)})
	case tcnl.Cake:
		list = append(list, number("flow_mode", o.FlowMode), param{name: "split_gso", value: strconv.FormatBool(o.SplitGSO)})
		if o.Foreign != "" {
			list = append(list, param{name: "foreign", value: o.Foreign})
		}
	}
	return list
}

func number(name string, v uint32) param {
	return param{name: name, value: strconv.FormatUint(uint64(v), 10)}
}

func duration(name string, microseconds uint32) param {
	return param{name: name, value: timeText(time.Duration(microseconds) * time.Microsecond)}
}

// timeText is d as tc writes it, without Greek letters.
func timeText(d time.Duration) string { return strings.Replace(d.String(), "µ", "u", 1) }

// rateText is a rate with what its frames cost.
func rateText(r tcnl.Rate) string {
	s := slice.Rate(r.BytesPerSecond * 8).String()
	if r.Overhead != 0 {
		s += fmt.Sprintf("+%d", r.Overhead)
	}
	if r.MPU != 0 {
		s += fmt.Sprintf(">=%d", r.MPU)
	}
	if r.LinkLayer == tcnl.ATM {
		s += "/atm"
	}
	return s
}

// Class is a class of one of our trees.
type Class struct {
	Dev    string
	Handle tcnl.Handle
	Parent tcnl.Handle
	HTB    tcnl.HTBClass
}

// ID gives c's place.
func (c Class) ID() ID { return ID{Kind: ClassObject, Dev: c.Dev, Place: c.Handle} }

func (c Class) name() string { return c.Handle.String() }

func (c Class) params() []param {
	list := []param{
		{name: "parent", value: c.Parent.String(), fixed: true},
		{name: "rate", value: rateText(c.HTB.Rate)},
		{name: "ceil", value: rateText(c.HTB.Ceil)},
		{name: "burst", value: ticksText(c.HTB.Burst)},
		{name: "cburst", value: ticksText(c.HTB.CeilBurst)},
	}
	if isInner(c.Handle) { // HTB reads the rest at leaves only
		return list
	}
	return append(list, number("prio", c.HTB.Prio), number("quantum", c.HTB.Quantum))
}

func ticksText(ticks uint32) string {
	return timeText((time.Duration(ticks) * tcnl.TickNanoseconds).Round(time.Microsecond / 10))
}

// Filter is what is in our slot of a hook, preference 1, or at a leaf of ours, whatever its preference.
type Filter struct {
	Dev          string
	Hook         tcnl.Handle // or the leaf's handle
	Kind         string      // bpf, unless somebody else took the slot
	Program      string      // the filter's name, which tells the program and its constants
	DirectAction bool
	Redirect     string // device that matching packets go out of; "" for none
	// Stray is what keeps an observed filter from being what it seems: a program on other maps, a dead redirect, more actions.
	Stray string
	// Variant is the program that a desired filter runs.
	Variant bpf.Variant
	// observed is what is to be deleted.
	observed tcnl.Filter
}

// ID gives f's place. At a leaf the preference is a part of it, where a handle has the class.
func (f Filter) ID() ID {
	id := ID{Kind: FilterObject, Dev: f.Dev, Place: f.Hook}
	if f.atLeaf() {
		id.Place += tcnl.Handle(max(f.observed.Pref, slotPref))
	}
	return id
}

// atLeaf reports whether f looks at packets on their way into a leaf's queues.
func (f Filter) atLeaf() bool { return f.Hook != tcnl.HookIngress && f.Hook != tcnl.HookEgress }

func (f Filter) name() string { return f.Hook.String() }

func (f Filter) params() []param {
	list := []param{{name: f.Kind, fixed: true}}
	if f.Program != "" {
		list = append(list, param{name: "program", value: f.Program})
	}
	if f.DirectAction {
		list = append(list, param{name: "direct-action"})
	}
	if f.Redirect != "" {
		list = append(list, param{name: "redirect", value: f.Redirect})
	}
	if f.Stray != "" {
		list = append(list, param{name: "with", value: f.Stray})
	}
	return list
}
