package top

import (
	"fmt"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/slicegate/slicegate/internal/api/client"
)

// entry is a value that is being typed. It is for what was chosen when typing began: the choice itself moves when a colleague takes
// the chosen slice away.
type entry struct {
	of   target
	text string
}

// longestValue is more than any value that the agent takes.
const longestValue = 20

// typing edits a value.
func (m *Model) typing(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "esc":
		m.typed = nil
	case "enter":
		done := *m.typed
		m.typed = nil
		if done.text == "" {
			return nil
		}
		return m.set(done.of, done.text)
	case "backspace":
		_, last := utf8.DecodeLastRuneInString(m.typed.text)
		m.typed.text = m.typed.text[:len(m.typed.text)-last]
	case "ctrl+u":
		m.typed.text = ""
	default:
		m.write(key.Text)
	}
	return nil
}

// write adds to the value that is being typed. Spaces, which no value has, are left out.
func (m *Model) write(text string) {
	if m.typed == nil {
		return
	}
	for _, r := range client.Printable(text) {
		if r != ' ' && len(m.typed.text) < longestValue {
			m.typed.text += string(r)
		}
	}
}

// keepEntry ends the typing when there is nothing left that the value could be for.
func (m *Model) keepEntry() {
	if m.typed == nil || m.shaped(m.typed.of) {
		return
	}
	of := m.typed.of
	m.typed = nil
	m.answer = answer{at: m.now, refused: true, text: fmt.Sprintf("not asked for: %s is no longer shaped on %s", of.slice, of.uplink)}
}

// shaped tells whether a target's slice has a row, in either direction.
func (m *Model) shaped(t target) bool {
	for _, u := range m.status.Uplinks {
		for _, s := range m.status.Slices {
			if u.Name == t.uplink && s.Uplink == t.uplink && s.Name == t.slice && linkOf(u, s.Direction).RateBPS != nil {
				return true
			}
		}
	}
	return false
}
