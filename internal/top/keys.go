package top

import tea "charm.land/bubbletea/v2"

// press does what a key says.
func (m *Model) press(key tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.String() == "ctrl+c":
		return tea.Quit
	case key.String() == "ctrl+z":
		return tea.Suspend
	case m.help:
		m.help = false
		return nil
	case m.typed != nil:
		return m.typing(key)
	}
	switch key.String() {
	case "q", "esc":
		return tea.Quit
	case "?", "h":
		m.help = true
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "left", "right":
		m.bound = !m.bound
	case "tab":
		m.turn(1)
	case "shift+tab":
		m.turn(-1)
	case "+", "=":
		return m.step(1)
	case "-":
		return m.step(-1)
	case "enter":
		if m.ready() {
			m.typed = &entry{of: m.target()}
		}
	case "r":
		return m.reset(len(m.status.Uplinks) == 1)
	case "R", "shift+r":
		return m.reset(true)
	}
	return nil
}

// move chooses the slice so many lines further down.
func (m *Model) move(lines int) {
	rows := m.rows()
	if len(rows) == 0 {
		return
	}
	at := min(max(m.chosen(rows)+lines, 0), len(rows)-1)
	m.cursor = keyOf(rows[at])
}

// turn shows the next uplink, or the one before, and stays on the slice.
func (m *Model) turn(by int) {
	all := m.status.Uplinks
	for i, u := range all {
		if u.Name == m.uplink {
			m.uplink = all[(i+by+len(all))%len(all)].Name
			m.cursor.uplink = m.uplink
			break
		}
	}
	m.keepChoice()
}
