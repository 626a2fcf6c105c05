package lab

// Shortfall is a figure that does not reach its bound yet, and the value that it is held to until it does: one beyond it is a regression.
type Shortfall struct {
	Kernel string
	Key
	Held float64 // in the figure's unit
}

// shortfalls are edited by hand. "make lab ARGS='-from .cache/lab/figures.jsonl -hold'" prints the lines that a run would need here, each
// with the worst of its seeds. A line whose bound is reached is to go.
var shortfalls = []Shortfall{}
