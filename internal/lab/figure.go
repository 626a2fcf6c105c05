package lab

import (
	"encoding/json"
	"fmt"
	"io"
)

// Figure is one number that a scenario measured, or a distribution.
type Figure struct {
	Kernel    string  `json:"kernel,omitempty"` // which the bench knows, not the scenario
	Scenario  string  `json:"scenario"`
	Case      string  `json:"case"`      // what was set, such as "up 5 Mbit/s"
	Treatment string  `json:"treatment"` // what shaped, such as "cake diffserv4"
	Seed      uint64  `json:"seed"`
	Name      string  `json:"name"` // what was measured, such as "rtp p99"
	Unit      string  `json:"unit"` // such as "ms"
	Value     float64 `json:"value"`
	// Spread is given where the figure is a distribution: its percentiles 1 to 99, and the most. Value is then the median.
	Spread []float64 `json:"spread,omitempty"`
}

// SeedVariable is the environment variable that tells a scenario its seed.
const SeedVariable = "SLICEGATE_LAB_SEED"

// figureMark begins a figure's line.
const figureMark = "lab-figure: "

// Write writes the figure as a line that the bench finds among other output.
func (f Figure) Write(w io.Writer) error {
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", figureMark, line)
	return err
}
