package running

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slicegate/slicegate/internal/statefile"
)

// Source is a configuration as somebody wrote it.
type Source struct {
	Name string `json:"name"` // of the file, as mistakes call it
	Text string `json:"text"`
}

// note is what must be known after a restart. It is one file, so that every change of it is one step.
type note struct {
	Version int `json:"version"`
	// Applied is in force in place of the agent's own configuration; nil for that.
	Applied *Source `json:"applied,omitempty"`
	// Refused was applied, and could not be put in force: another start may, with another version of the agent, unless something
	// else was put in force on purpose. What is in force stands in for it. Nil for nothing.
	Refused *Source `json:"refused,omitempty"`
	// Pending is what is taken back unless it is confirmed; nil for nothing.
	Pending *pending `json:"pending,omitempty"`
	// Pause is until when nothing is shaped; nil when there is no pause.
	Pause *deadline `json:"pause,omitempty"`
	// TakenBack names a change that was taken back and whose sender may not know; "" for none.
	TakenBack string `json:"taken_back,omitempty"`
}

// pending is what was in force before a change that is not confirmed yet.
type pending struct {
	deadline
	What    string  `json:"what"`              // the change, for people
	Before  *Source `json:"before,omitempty"`  // nil for the agent's own configuration, where no file says it
	Refused *Source `json:"refused,omitempty"` // the note's then
	// Pause and TornDown are why nothing was shaped then.
	Pause    *deadline `json:"pause,omitempty"`
	TornDown bool      `json:"torn_down,omitempty"`
}

const noteVersion = 1

// back is n without the pending change. own is what the agent's own file says now: if it is what was in force before, it is the
// file again that counts, at the next start too.
func (n note) back(own *Source) note {
	p := n.Pending
	before := note{Applied: p.Before, Refused: p.Refused, Pause: n.Pause}
	if own != nil && p.Before != nil && *own == *p.Before {
		before.Applied = nil
	}
	if before.Pause == nil { // a pause that came later stays
		before.Pause = p.Pause
	}
	return before
}

// withoutApplied is n where what it applies can't be put in force. What was refused before that stays the one that is kept: it is
// what somebody asked for.
func (n note) withoutApplied() note {
	if n.Refused == nil {
		n.Refused = n.Applied
	}
	n.Applied = nil
	return n
}

// loadNote reads what save wrote; a file that is not there says nothing.
func loadNote(path string) (note, error) {
	var n note
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return note{}, nil
	}
	if err != nil {
		return note{}, fmt.Errorf("read what was applied: %w", err)
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return note{}, fmt.Errorf("read what was applied: %s: %w", path, err)
	}
	if n.Version != noteVersion {
		return note{}, fmt.Errorf("read what was applied: %s: version %d, want %d", path, n.Version, noteVersion)
	}
	return n, nil
}

// save writes n in one step: after a power cut the file says what it said before, or n.
func (n note) save(path string) error {
	n.Version = noteVersion
	b, err := json.MarshalIndent(n, "", "\t")
	if err != nil {
		return fmt.Errorf("note what is applied: %w", err)
	}
	if err := statefile.Replace(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("note what is applied: %w", err)
	}
	return nil
}
