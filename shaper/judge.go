package shaper

import (
	"fmt"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// States of an uplink.
const (
	StateShaped  = "shaped"
	StateWaiting = "waiting" // its interface is not there
	StateForeign = "foreign" // somebody else's qdisc is in our place, and stays
	StatePaused  = "paused"
	StateFailed  = "failed" // the kernel refused something
)

// UplinkState says how an uplink fares.
type UplinkState struct {
	Name      string
	Interface string
	State     string
	Ifindex   int // 0 while there is no interface
	IfbIndex  int // 0 while there is no ifb
}

// Problem is something that keeps the box from working as configured, and what to do about it.
type Problem struct {
	What, Do string
}

// judgement is what an observed state means for a configuration.
type judgement struct {
	leave    map[string]bool // interfaces to keep our hands off
	take     map[string]*SavedRoot
	states   []UplinkState
	problems []Problem
}

// judge tells what is ours to take from what is somebody else's.
func judge(cfg Config, observed State, r *roots) judgement {
	j := judgement{leave: make(map[string]bool), take: make(map[string]*SavedRoot)}
	for _, dev := range cfg.Venue.Interfaces {
		if _, ok := observed.Interfaces[dev]; !ok {
			j.missing("venue", dev)
		} else if !j.mayHook(dev, observed, r, "what comes from the venue is not classified") {
			j.leave[dev] = true
		}
	}
	for _, u := range cfg.Uplinks {
		j.states = append(j.states, j.uplink(u, observed, r))
	}
	return j
}

func (j *judgement) problem(what, do string) {
	j.problems = append(j.problems, Problem{What: what, Do: do})
}

func (j *judgement) missing(whose, dev string) {
	j.problem(fmt.Sprintf("%s: no such interface (%s)", dev, whose), "plug it in, or correct its name; it is taken up when it appears")
}

func (j *judgement) uplink(u Uplink, observed State, r *roots) UplinkState {
	link, there := observed.Interfaces[u.Interface]
	ifb := observed.Interfaces[ifbOf(u)]
	s := UplinkState{Name: u.Name, Interface: u.Interface, Ifindex: link.Index, State: StateShaped}
	if ifb.Ours {
		s.IfbIndex = ifb.Index
	}
	switch {
	case !there:
		j.missing("uplink "+u.Name, u.Interface)
		s.State = StateWaiting
		return s
	case u.Download > 0 && isTaken(observed.Interfaces, ifbOf(u)):
		j.problem(fmt.Sprintf("%s: somebody else's interface has the name of our ifb", ifbOf(u)),
			"rename that interface, or the uplink "+u.Name)
	case j.mayTake(u, observed, r):
		return s
	}
	j.leave[u.Interface] = true
	s.State = StateForeign
	return s
}

// mayHook reports whether dev's clsact is ours to make: nothing else is in its place, or came there after we had it.
func (j *judgement) mayHook(dev string, observed State, r *roots, without string) bool {
	q, ok := observed.at(dev, tcnl.Ingress)
	if !ok || !q.Foreign || r.isTaken(clsactOf(dev)) {
		j.take[clsactOf(dev)] = nil
		return true
	}
	j.problem(fmt.Sprintf("%s: foreign %s qdisc: %s", dev, q.kind(), without),
		"remove it (tc qdisc del dev "+dev+" "+q.kind()+"), or let its owner use clsact without shared blocks")
	return false
}

// mayTake reports whether the places that we need on u's interface are free, ours, or to be adopted.
func (j *judgement) mayTake(u Uplink, observed State, r *roots) bool {
	if !j.mayHook(u.Interface, observed, r, "the uplink is not shaped") {
		return false
	}
	if u.Upload == 0 || r.isTaken(u.Interface) {
		return true
	}
	q, ok := observed.at(u.Interface, tcnl.Root)
	switch {
	case !ok || !q.Foreign:
		j.take[u.Interface] = nil
	case u.Adopt:
		j.take[u.Interface] = savedRoot(q)
	default:
		delete(j.take, clsactOf(u.Interface)) // nothing of an interface that is left alone is ours
		j.problem(fmt.Sprintf("%s: foreign root qdisc %s %s", u.Interface, q.kind(), q.Handle),
			"set adopt = true for uplink "+u.Name+" to replace it, or remove it")
		return false
	}
	return true
}

// at gives the observed qdisc at the root or the ingress of an interface.
func (s State) at(dev string, place tcnl.Handle) (Qdisc, bool) {
	q, ok := s.Objects[ID{Kind: QdiscObject, Dev: dev, Place: place}].(Qdisc)
	return q, ok
}
