package lab

import (
	"fmt"
	"strings"
)

// Key names a figure, on any kernel and with any seed. In a bound, a name such as "media + telemetry" is the sum of both.
type Key struct{ Scenario, Case, Treatment, Name string }

// summands are the names of the figures that a key's is the sum of, which is mostly one.
func (k Key) summands() []string { return strings.Split(k.Name, " + ") }

func (f Figure) key() Key { return Key{f.Scenario, f.Case, f.Treatment, f.Name} }

func (k Key) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", k.Scenario, k.Case, k.Treatment, k.Name)
}

// Bound is what the median of a figure is to reach: a limit of its own, or a rival's figure of the same run times a factor plus something.
type Bound struct {
	Key
	AtLeast bool    // instead of at most
	Rival   Key     // the zero Key for a limit of its own
	Factor  float64 // of the rival's figure
	Plus    float64 // in the figure's unit: what is added to that, or the limit of its own
	Because string  // in words, where the number does not say it
}

// atMost bounds a figure from above, atLeast from below.
func atMost(k Key, limit float64, because string) Bound {
	return Bound{Key: k, Plus: limit, Because: because}
}

func atLeast(k Key, limit float64) Bound { return Bound{Key: k, Plus: limit, AtLeast: true} }

// atMostOfCake bounds a figure by the same one of our best rival.
func atMostOfCake(k Key, factor, plus float64) Bound {
	return Bound{Key: k, Rival: k.under(cakeDiffserv), Factor: factor, Plus: plus}
}

// atLeastOf bounds a figure by the same one of another treatment, from below.
func atLeastOf(k Key, factor float64, treatment string) Bound {
	return Bound{Key: k, Rival: k.under(treatment), Factor: factor, AtLeast: true}
}

func (k Key) under(treatment string) Key {
	k.Treatment = treatment
	return k
}

// limit is what the bound comes to with the rival's figure, which a limit of its own does not need.
func (b Bound) limit(rival float64) float64 {
	if b.Rival == (Key{}) {
		return b.Plus
	}
	return b.Factor*rival + b.Plus
}

// worse tells whether a value is beyond a limit, seen from the bound.
func (b Bound) worse(value, limit float64) bool {
	if b.AtLeast {
		return value < limit
	}
	return value > limit
}

// Words say what is wanted, such as "≤ 0.6 × cake diffserv4's".
func (b Bound) Words() string {
	sign := "≤ "
	if b.AtLeast {
		sign = "≥ "
	}
	switch {
	case b.Because != "":
		return sign + b.Because
	case b.Rival == (Key{}):
		return fmt.Sprintf("%s%.4g", sign, b.Plus)
	}
	words := sign
	if b.Factor != 1 {
		words += fmt.Sprintf("%.4g × ", b.Factor)
	}
	switch {
	case b.Rival.Scenario != b.Scenario:
		words += fmt.Sprintf("%s's in %s", b.Rival.Treatment, b.Rival.Scenario)
	case b.Rival.Treatment == b.Treatment:
		words += "with " + b.Rival.Case
	default:
		words += b.Rival.Treatment + "'s"
	}
	if b.Plus != 0 {
		words += fmt.Sprintf(" + %.4g", b.Plus)
	}
	return words
}
