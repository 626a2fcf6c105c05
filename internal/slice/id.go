package slice

import "fmt"

// ID numbers a slice within one box: 1 to MaxID, 0 for none. It is stable for as long as the slice's name is configured.
type ID uint8

// MaxID is the largest ID: tc_index spends four bits on it.
const MaxID ID = 15

// Names that every configuration defines, since services and the classifier address them.
const (
	Signalling = "signalling"
	Realtime   = "realtime"
)

// Valid reports whether id names a slice.
func (id ID) Valid() bool { return id >= 1 && id <= MaxID }

// Direction says which way a packet crosses the uplink.
type Direction uint8

const (
	Up   Direction = iota // venue to Internet
	Down                  // Internet to venue
)

// Directions lists both, in the order in which arrays are indexed.
var Directions = [...]Direction{Up, Down}

// String gives "up" or "down", as the JSON contract has it.
func (d Direction) String() string {
	switch d {
	case Up:
		return "up"
	case Down:
		return "down"
	}
	return fmt.Sprintf("direction(%d)", uint8(d))
}

// Stage is a step of the degradation ladder, 0 (normal) to 5 (hard cap).
type Stage uint8

// MaxStage is the hard cap: signalling, interaction and orders alone.
const MaxStage Stage = 5
