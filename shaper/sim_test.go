package shaper

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// sim is the kernel as far as plans go: what must be there for a step, and what goes with what.
type sim struct {
	State
	next int // ifindex
}

func newSim(interfaces map[string]Interface) *sim {
	s := &sim{State: newState(), next: 100}
	maps.Copy(s.Interfaces, interfaces)
	return s
}

// apply does a plan step by step, and fails where the kernel would, or where downloads would be lost that were not before.
func (s *sim) apply(p Plan) error {
	lost := s.lost()
	for i, step := range p.Steps {
		if err := s.step(step); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step, err)
		}
		for dev := range s.lost() {
			if !lost[dev] {
				return fmt.Errorf("step %d, %s: downloads of %s are lost", i+1, step, dev)
			}
		}
	}
	return nil
}

// lost are the interfaces that redirect to an ifb that is not up.
func (s *sim) lost() map[string]bool {
	lost := make(map[string]bool)
	for _, o := range s.Objects {
		if f, ok := o.(Filter); ok && (f.Stray == "dead redirect" || f.Redirect != "" && !s.Interfaces[f.Redirect].Up) {
			lost[f.Dev] = true
		}
	}
	return lost
}

func (s *sim) step(step Step) error {
	id := step.Object().ID()
	have := s.Objects[id]
	switch {
	case step.Op == Add && have != nil && id.Kind != QdiscObject:
		return fmt.Errorf("there is %s", describe(have.params()))
	case step.Op != Add && have == nil:
		return fmt.Errorf("there is none")
	case step.Op == Change && !fixedAlike(have.params(), step.Want.params()):
		return fmt.Errorf("can't be changed in place: %s", describe(have.params()))
	}
	if step.Op == Delete || step.Op == Replace {
		if err := s.remove(have); err != nil {
			return err
		}
	}
	if step.Op == Delete {
		return nil
	}
	if err := s.fits(step.Want); err != nil {
		return err
	}
	if c, ok := step.Want.(Class); ok && c.Parent != tcnl.Root { // a class that gets classes below it loses its queue
		if q := s.Objects[ID{QdiscObject, c.Dev, c.Parent}]; q != nil {
			must2(s.remove(q))
		}
	}
	s.put(step.Want)
	return nil
}

func (s *sim) put(o Object) {
	s.add(o)
	if l, ok := o.(Link); ok {
		index := s.Interfaces[l.Dev].Index
		if index == 0 {
			s.next++
			index = s.next
		}
		s.Interfaces[l.Dev] = Interface{Index: index, MTU: l.MTU, Up: l.Up, Ethernet: true, Ours: true}
	}
}

// fits reports whether what o needs is there.
func (s *sim) fits(o Object) error {
	id := o.ID()
	if id.Kind != LinkObject && s.Interfaces[id.Dev].Index == 0 {
		return fmt.Errorf("no interface")
	}
	switch o := o.(type) {
	case Qdisc:
		if o.Parent != tcnl.Root && o.Parent != tcnl.Ingress && s.elsewhere(o) {
			return fmt.Errorf("its handle is taken")
		}
		if o.Parent == tcnl.Root || o.Parent == tcnl.Ingress || s.holds(o.Dev, o.Parent.Qdisc()) && o.Parent.Qdisc() != rootHandle {
			return nil
		}
		if s.Objects[ID{ClassObject, o.Dev, o.Parent}] == nil {
			return fmt.Errorf("no class %s", o.Parent)
		}
		if len(s.below(Class{Dev: o.Dev, Handle: o.Parent})) > 0 {
			return fmt.Errorf("class %s has classes below it", o.Parent)
		}
	case Class:
		if q, _ := s.at(o.Dev, tcnl.Root); q.Handle != rootHandle {
			return fmt.Errorf("no tree")
		}
		if o.Parent != tcnl.Root && s.Objects[ID{ClassObject, o.Dev, o.Parent}] == nil {
			return fmt.Errorf("no class %s", o.Parent)
		}
	case Filter:
		if o.atLeaf() {
			if !s.holds(o.Dev, o.Hook) {
				return fmt.Errorf("no qdisc %s", o.Hook)
			}
			return nil
		}
		if q, ok := s.at(o.Dev, tcnl.Ingress); !ok || q.kind() != "clsact" {
			return fmt.Errorf("no clsact")
		}
		if o.Redirect != "" && s.Interfaces[o.Redirect].Index == 0 {
			return fmt.Errorf("no interface %s", o.Redirect)
		}
	}
	return nil
}

// elsewhere reports whether a qdisc in another place has q's handle.
func (s *sim) elsewhere(q Qdisc) bool {
	for _, o := range s.Objects {
		if other, ok := o.(Qdisc); ok && other.Dev == q.Dev && other.Handle == q.Handle && other.Parent != q.Parent {
			return true
		}
	}
	return false
}

func (s *sim) holds(dev string, handle tcnl.Handle) bool {
	for _, o := range s.Objects {
		if q, ok := o.(Qdisc); ok && q.Dev == dev && q.Handle == handle {
			return true
		}
	}
	return false
}

// below lists the classes that keep c from being deleted.
func (s *sim) below(c Class) (list []Object) {
	for _, o := range s.Objects {
		if b, ok := o.(Class); ok && b.Dev == c.Dev && b.Parent == c.Handle {
			list = append(list, b)
		}
	}
	return list
}

// remove takes o away, and what goes with it.
func (s *sim) remove(o Object) error {
	if c, ok := o.(Class); ok && len(s.below(c)) > 0 {
		return fmt.Errorf("class %s has classes below it", c.Handle)
	}
	delete(s.Objects, o.ID())
	for id, other := range s.Objects {
		if id.Dev == o.ID().Dev && s.goes(o, other) {
			delete(s.Objects, id)
			if q, ok := other.(Qdisc); ok {
				must2(s.remove(q))
			}
		}
	}
	if l, ok := o.(Link); ok {
		for _, f := range s.Objects {
			if f, ok := f.(Filter); ok && f.Redirect == l.Dev {
				return fmt.Errorf("%s still redirects to %s", f.Dev, l.Dev)
			}
		}
		delete(s.Interfaces, l.Dev)
	}
	return nil
}

// goes reports whether other, on the same device, goes when o does.
func (s *sim) goes(o, other Object) bool {
	switch o := o.(type) {
	case Link:
		return true
	case Class:
		q, ok := other.(Qdisc)
		return ok && q.Parent == o.Handle
	case Qdisc:
		switch other := other.(type) {
		case Filter:
			if other.atLeaf() {
				return other.Hook == o.Handle
			}
			return o.Parent == tcnl.Ingress
		case Class:
			return o.Parent == tcnl.Root
		case Qdisc:
			return o.Parent == tcnl.Root && other.Parent != tcnl.Ingress || other.Parent.Qdisc() == o.Handle && o.Parent != tcnl.Ingress
		}
	}
	return false
}

func must2(err error) {
	if err != nil {
		panic(err)
	}
}

// text is a state as golden files have it.
func (s State) text() string {
	var b strings.Builder
	for _, o := range s.sorted() {
		fmt.Fprintln(&b, strings.Join(strings.Fields(fmt.Sprint(o.ID().Kind, " ", o.ID().Dev, " ", o.name(), " ", describe(o.params()))), " "))
	}
	return b.String()
}

// randomConfig is any configuration that the file could hold, on interfaces that may or may not be there.
func randomConfig(rnd *rand.Rand) Config {
	names := []string{"signalling", "realtime", "media", "telemetry", "games", "till"}
	cfg := Config{Venue: Venue{WriteDSCP: rnd.IntN(2) == 0, MarkMask: 0xff000000}}
	for i, dev := range []string{"lan0", "lan1"} {
		if rnd.IntN(3) > i {
			cfg.Venue.Interfaces = append(cfg.Venue.Interfaces, dev)
		}
	}
	n := 3 + rnd.IntN(len(names)-2)
	def := rnd.IntN(n)
	for i := range n {
		cfg.Slices = append(cfg.Slices, Slice{
			Name: names[i], ID: slice.ID(i + 1), Priority: rnd.IntN(4), Default: i == def,
			Min: slice.Share{Percent: float64(1 + rnd.IntN(15))}, Max: slice.Share{Percent: float64(16 + rnd.IntN(85))},
		})
	}
	for i, name := range []string{"fibre", "lte"} {
		if rnd.IntN(4) == 0 {
			continue
		}
		cfg.Uplinks = append(cfg.Uplinks, Uplink{
			Name: name, Interface: []string{"wan0", "wan1", "absent"}[rnd.IntN(2)+i], Index: uint8(i),
			Download: randomRate(rnd), Upload: randomRate(rnd), Leaf: Leaf(rnd.IntN(4)), MSSClamp: rnd.IntN(2) == 0,
			Overhead: Overhead{Bytes: 18 * rnd.IntN(2)},
		})
		if rnd.IntN(3) == 0 {
			cfg.Uplinks[len(cfg.Uplinks)-1].Shares = map[slice.ID]Share{1: {Max: slice.Share{Percent: 90}}}
		}
	}
	if len(cfg.Uplinks) == 2 && cfg.Uplinks[0].Interface == cfg.Uplinks[1].Interface {
		cfg.Uplinks = cfg.Uplinks[:1]
	}
	return cfg
}

func randomRate(rnd *rand.Rand) slice.Rate {
	rates := []slice.Rate{0, slice.Mbit, slowLink, 20 * slice.Mbit, 300 * slice.Mbit, 40 * slice.Gbit}
	return rates[rnd.IntN(len(rates))]
}

func fieldInterfaces() map[string]Interface {
	return map[string]Interface{
		"lo": {Index: 1, MTU: 65536, Up: true, Ethernet: true}, "lan0": {Index: 2, MTU: 1500, Up: true, Ethernet: true},
		"lan1": {Index: 3, MTU: 1500, Up: true, Ethernet: true}, "wan0": {Index: 4, MTU: 1500, Up: true, Ethernet: true},
		"wan1": {Index: 5, MTU: 1420, Up: true},
	}
}

// tamper does to a state what others do.
func (s *sim) tamper(rnd *rand.Rand) string {
	list := s.sorted()
	if len(list) == 0 {
		return "nothing"
	}
	o := list[rnd.IntN(len(list))]
	switch o := o.(type) {
	case Link:
		if rnd.IntN(2) == 0 {
			o.Up, o.Marked = false, rnd.IntN(2) == 0
			s.put(o)
			return "take down " + o.Dev
		}
		for _, other := range s.sorted() { // what the kernel does, which a plan may not
			if f, ok := other.(Filter); ok && f.Redirect == o.Dev {
				f.Redirect, f.Stray = "", "dead redirect"
				s.add(f)
			}
		}
	case Class:
		if rnd.IntN(2) == 0 {
			stray := Class{Dev: o.Dev, Handle: rootHandle + tcnl.Handle(0x90+rnd.IntN(9)), Parent: o.Handle, HTB: o.HTB}
			if s.Objects[stray.ID()] == nil && s.step(Step{Op: Add, Want: stray}) == nil {
				return "put a class under " + o.Handle.String()
			}
		}
	case Qdisc:
		if other, ok := list[rnd.IntN(len(list))].(Qdisc); ok && isLeafPlace(o) && isLeafPlace(other) && rnd.IntN(2) == 0 {
			must2(s.remove(o))
			must2(s.remove(other))
			o.Dev, o.Handle, other.Handle = other.Dev, other.Handle, o.Handle
			o.Parent, other.Parent = other.Parent, o.Parent
			if s.fits(o) == nil {
				s.add(o)
			}
			return "move " + other.Handle.String()
		}
		if o.Parent == tcnl.Root && rnd.IntN(2) == 0 {
			must2(s.remove(o))
			s.add(Qdisc{Dev: o.Dev, Handle: 1 << 16, Parent: tcnl.Root, Options: tcnl.Raw{Name: "pfifo"}, Foreign: true})
			return "take the root of " + o.Dev
		}
	case Filter:
		if o.atLeaf() && rnd.IntN(2) == 0 {
			s.add(Filter{Dev: o.Dev, Hook: o.Hook, Kind: "u32", observed: tcnl.Filter{Pref: 7}})
			return "put a filter at " + o.Hook.String()
		}
		if rnd.IntN(2) == 0 {
			s.add(Filter{Dev: o.Dev, Hook: o.Hook, Kind: "u32"})
			return "take the slot of " + o.Dev
		}
	}
	if err := s.remove(o); err != nil {
		return "fail to remove " + describe(o.params())
	}
	return strings.Join([]string{"remove", o.ID().Kind.String(), o.ID().Dev, o.name()}, " ")
}

func isLeafPlace(q Qdisc) bool { return q.Parent.Qdisc() == rootHandle && q.Parent != rootHandle }

// Whatever was configured, and whatever others did to it, one plan that the kernel accepts leads to what is configured now.
func TestEveryPlanLeadsToTheDesiredState(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		env := Env{FQCoDel: rnd.IntN(2) == 0, Cake: rnd.IntN(2) == 0}
		s := newSim(fieldInterfaces())
		var history []string
		for range 4 {
			cfg := randomConfig(rnd)
			for range rnd.IntN(4) {
				history = append(history, s.tamper(rnd))
			}
			env.Interfaces = maps.Clone(s.Interfaces)
			desired, err := Desired(cfg, env)
			must(t, err)
			before := s.text()
			plan := Diff(s.State, desired)
			if err := s.apply(plan); err != nil {
				t.Fatalf("seed %d: %v\nafter: %s\nobserved:\n%s\nplan:\n%s", seed, err, strings.Join(history, ", "), before, plan)
			}
			if again := Diff(s.State, desired); !again.Empty() {
				t.Fatalf("seed %d: still to do:\n%s\nafter: %s\nobserved:\n%s\nplan:\n%s", seed, again, strings.Join(history, ", "), before, plan)
			}
			history = append(history, fmt.Sprintf("configure %d uplinks", len(cfg.Uplinks)))
			was := cfg
			cfg.Uplinks = slices.Clone(cfg.Uplinks)
			for i := range cfg.Uplinks {
				cfg.Uplinks[i].Upload += slice.Rate(rnd.IntN(2)) * slice.Mbit
				if rnd.IntN(3) == 0 {
					cfg.Uplinks[i].Download = randomRate(rnd)
				}
			}
			retunesAs(t, s.State, was, cfg, env)
			for id := range s.Objects {
				if desired.Objects[id] == nil && !slices.Contains([]string{"wan0", "wan1"}, id.Dev) && !isForeign(s.Objects[id]) {
					t.Fatalf("seed %d: left over: %v", seed, id)
				}
			}
		}
	}
}

// retunesAs checks that the quick way from one configuration to another plans what Diff does, or leaves it to that. The observed state
// is as the first of them asks for, else there is nothing to check.
func retunesAs(t *testing.T, observed State, was, now Config, env Env) {
	t.Helper()
	before, err := Desired(was, env)
	must(t, err)
	after, err := Desired(now, env)
	must(t, err)
	if !Diff(observed, before).Empty() {
		return
	}
	p := Diff(observed, after)
	steps, ok := retunes(observed, was, now, env)
	if got := (Plan{Steps: steps}).String(); ok && got != p.String() {
		t.Errorf("retuned by\n%snot by\n%s", got, p)
	}
	away := slices.ContainsFunc(now.Uplinks, func(u Uplink) bool { return env.Interfaces[u.Interface].Index == 0 })
	if !ok && !away && inPlace(p.Steps) && reflect.DeepEqual(withoutRates(was), withoutRates(now)) {
		t.Errorf("not retuned, but planned in place:\n%s", p)
	}
}

func isForeign(o Object) bool {
	switch o := o.(type) {
	case Qdisc:
		return o.Foreign || o.Parent == tcnl.Ingress
	case Filter:
		return o.Kind != "bpf" && !o.atLeaf()
	}
	return false
}
