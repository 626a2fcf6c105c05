package shaper

import (
	"slices"
	"strings"
)

// Op is what a step does.
type Op uint8

// The operations.
const (
	Add     Op = iota
	Change     // in place: nothing is lost
	Replace    // delete and add
	Delete
)

var ops = [...]string{"add", "change", "replace", "delete"}

// String gives the contract's word.
func (o Op) String() string { return ops[o] }

// Step is one write to the kernel.
type Step struct {
	Op    Op
	Group string // steps of a group stand and fall together
	Want  Object // nil for Delete
	Have  Object // nil for Add
}

// Object is what the step is about.
func (s Step) Object() Object {
	if s.Want != nil {
		return s.Want
	}
	return s.Have
}

// Kind, Dev and Name say which object that is, as the contract has it.
func (s Step) Kind() string { return s.Object().ID().Kind.String() }

// Dev is the device that the object is on, or is.
func (s Step) Dev() string { return s.Object().ID().Dev }

// Name is the object's own: "5c1e:11", "ingress"; "" for a link.
func (s Step) Name() string { return s.Object().name() }

// Text says what the step does to the object: all parameters when it is made, those that differ when it is changed.
func (s Step) Text() string {
	switch s.Op {
	case Add:
		return describe(s.Want.params())
	case Replace:
		return describe(s.Want.params()) + " (was " + describe(kindOnly(s.Have.params())) + ")"
	case Delete:
		return describe(kindOnly(s.Have.params()))
	}
	return changes(s.Have.params(), s.Want.params())
}

// changes lists the parameters that are not the same.
func changes(have, want []param) string {
	named := func(list []param, name string) int {
		return slices.IndexFunc(list, func(p param) bool { return p.name == name })
	}
	var words []string
	for _, p := range want {
		switch i := named(have, p.name); {
		case i < 0:
			words = append(words, p.String())
		case have[i].value != p.value:
			words = append(words, p.String()+" (was "+have[i].value+")")
		}
	}
	for _, p := range have {
		if named(want, p.name) < 0 {
			words = append(words, "(was "+p.String()+")")
		}
	}
	return strings.Join(words, " ")
}

// kindOnly keeps what an object is and what can't be changed about it, without its numbers.
func kindOnly(params []param) []param {
	return slices.DeleteFunc(params, func(p param) bool { return p.name != "program" && !p.fixed })
}

// String is the step in one stable line.
func (s Step) String() string {
	words := []string{s.Op.String(), s.Kind(), s.Dev(), s.Name(), s.Text()}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Plan is what brings an observed state to a desired one.
type Plan struct {
	Steps []Step
	// Fingerprint is of the state that was observed; Apply refuses a plan that was made for another.
	Fingerprint uint64
	// Problems are what keeps the configuration from being in force as it is written, once all steps are done.
	Problems []Problem
	refused  map[int]error // steps, by index, whose groups are not to be begun, and why
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// objects says what is done to which objects, without their values.
func (p Plan) objects() string {
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(strings.Join([]string{s.Op.String(), s.Kind(), s.Dev(), s.Name()}, " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// String is one line a step.
func (p Plan) String() string {
	if p.Empty() {
		return "no changes\n"
	}
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String())
		b.WriteByte('\n')
	}
	return b.String()
}
