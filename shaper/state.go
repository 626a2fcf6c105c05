package shaper

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// ObjectKind says what an object is, in the order in which objects are made.
type ObjectKind uint8

// The kinds of objects.
const (
	LinkObject ObjectKind = iota
	QdiscObject
	ClassObject
	FilterObject
)

var objectKinds = [...]string{"link", "qdisc", "class", "filter"}

// String gives the contract's word.
func (k ObjectKind) String() string { return objectKinds[k] }

// ID is an object's place: there is one object in it, whoever made it.
type ID struct {
	Kind ObjectKind
	Dev  string
	// Place is the parent of a qdisc, the class's own handle, and the hook of a filter, or its leaf and preference. It is 0 for a
	// link.
	Place tcnl.Handle
}

// Object is a Link, Qdisc, Class or Filter.
type Object interface {
	ID() ID
	// name is what an operator calls it on its device: "5c1e:11", "ingress".
	name() string
	// params are what a change would change, as text; two objects in one place are alike if these are equal.
	params() []param
}

// param is one parameter of an object.
type param struct {
	name, value string
	fixed       bool // not to be changed in place
	silent      bool // compared, not printed: the object's name says it
}

// String writes p without its name where that says nothing.
func (p param) String() string { return strings.TrimSpace(p.name + " " + p.value) }

func describe(params []param) string {
	words := make([]string, 0, len(params))
	for _, p := range params {
		if !p.silent {
			words = append(words, p.String())
		}
	}
	return strings.Join(words, " ")
}

// State is what is in the kernel, or what should be.
type State struct {
	Objects map[ID]Object
	// Groups orders the devices of a desired state: what fails in one group leaves the others alone. Ifbs and their uplink are a
	// group; a venue interface is one.
	Groups []Group
	// Interfaces are all there are, by name. Observed alone.
	Interfaces map[string]Interface
	// Strangers are filters of others at the hooks of interfaces. Observed alone.
	Strangers []tcnl.Stranger
}

// Group is devices that work together.
type Group struct {
	Name    string   // of the uplink, or of the venue's interface
	Devices []string // in the order in which they are seen to
}

// Interface is what matters of a network interface.
type Interface struct {
	Index    int
	MTU      int
	Up       bool
	Ethernet bool // frames begin with an Ethernet header; else with IP
	Ours     bool // an ifb that we made
}

func newState() State {
	return State{Objects: make(map[ID]Object), Interfaces: make(map[string]Interface)}
}

func (s State) add(o Object) { s.Objects[o.ID()] = o }

// sorted lists the objects in the order in which they are made, device by device.
func (s State) sorted() []Object {
	list := make([]Object, 0, len(s.Objects))
	for _, o := range s.Objects {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Object) int { return compareIDs(a.ID(), b.ID()) })
	return list
}

// compareIDs puts parents first, and the filter that redirects last: rank, device, place.
func compareIDs(a, b ID) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Dev, b.Dev), cmp.Compare(a.Place, b.Place))
}

// rank is an object's turn when a tree is made; the way back when it is removed.
func (id ID) rank() int {
	switch id.Kind {
	case LinkObject:
		return 0
	case QdiscObject:
		switch {
		case id.Place == tcnl.Root:
			return 1
		case id.Place == tcnl.Ingress:
			return 7
		case id.Place.Qdisc() == rootHandle:
			return 5
		}
		return 6
	case ClassObject:
		switch {
		case id.Place == linkClass:
			return 2
		case isInner(id.Place):
			return 3
		}
		return 4
	}
	switch id.Place {
	case tcnl.HookIngress:
		return 9
	case tcnl.HookEgress:
		return 8
	}
	return 6
}

// Fingerprint tells one observed state from another.
func (s State) Fingerprint() uint64 {
	h := fnv.New64a()
	for _, o := range s.sorted() {
		fmt.Fprintf(h, "%s %s %s %d\n", o.ID().Dev, o.name(), describe(o.params()), s.Interfaces[o.ID().Dev].Index)
	}
	return h.Sum64()
}

// group is the group of a device; a device that is in none is its own.
func (s State) group(dev string) string {
	for _, g := range s.Groups {
		if slices.Contains(g.Devices, dev) {
			return g.Name
		}
	}
	return dev
}
