package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/slicegate/slicegate/internal/api/client"
)

// A smaller terminal has no room for what the screen is for.
const (
	leastWidth  = 72
	leastHeight = 16
)

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "slicectl top"
	return v
}

// screen gives the lines, each at most as wide as the terminal.
func (m *Model) screen() []string {
	var lines []string
	switch {
	case m.width < leastWidth || m.height < leastHeight:
		lines = []string{
			fmt.Sprintf("this terminal is too small: %d×%d", m.width, m.height),
			fmt.Sprintf("top needs %d×%d: make the window larger", leastWidth, leastHeight),
			"q quits",
		}
	case m.help:
		lines = helpLines()
	default:
		lines = m.panels()
	}
	lines = lines[:min(len(lines), max(m.height, 0))]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, max(m.width, 0), "…")
	}
	return lines
}

// roomy tells whether a line can be spared for a blank one, and airy whether several can.
func (m *Model) roomy() bool { return m.height >= 24 }
func (m *Model) airy() bool  { return m.height >= 32 }

// problemLines is what problems get however many slices there are: the heading and the first of them, at least in part.
func (m *Model) problemLines() int {
	if m.roomy() {
		return 5
	}
	return 3
}

// panels puts the parts above each other. The slices come first; problems and devices share what is left.
func (m *Model) panels() []string {
	top, bottom := m.top(), m.bottom()
	problems := m.problems()
	body, at := m.slices()
	room := m.height - len(top) - len(bottom)
	kept := min(len(body), room-min(len(problems), m.problemLines()))
	lines := append(top, window(body, at, kept)...)
	room -= kept
	if len(problems) > 0 && room > 0 {
		shown := window(problems, 0, min(room, max(m.problemLines(), room/2)))
		lines = append(lines, shown...)
		room -= len(shown)
	}
	if devices := m.heaviest(); room >= 3 { // a blank line, a heading and one device
		devices = devices[:min(len(devices), room)]
		lines = append(lines, devices...)
		room -= len(devices)
	}
	lines = append(lines, make([]string, max(room, 0))...)
	return append(lines, bottom...)
}

// window gives height lines around the line at, and says that there are more.
func window(lines []string, at, height int) []string {
	if len(lines) <= height || height <= 0 {
		return lines[:max(0, min(len(lines), height))]
	}
	from := min(max(at-height/2, 0), len(lines)-height)
	shown := append([]string(nil), lines[from:from+height]...)
	if from > 0 && height > 2 {
		shown[0] = dim.Styled(fmt.Sprintf("  ↑ %d more", from+1))
	}
	if rest := len(lines) - from - height; rest > 0 {
		shown[height-1] = dim.Styled(fmt.Sprintf("  ↓ %d more", rest+1))
	}
	return shown
}

// top says which uplink is shown, how it is, and whether the agent is there.
func (m *Model) top() []string {
	var lines []string
	if m.lost != nil {
		away := m.now.Sub(m.lostAt).Round(time.Second)
		text := fmt.Sprintf("NO ANSWER for %s: %s; still trying", away, oneLine(m.lost.Error()))
		for _, line := range wrap(text, "  ", m.width) {
			lines = append(lines, alarm.Styled(line))
		}
	}
	if !m.known {
		return append(lines, "asking the agent …")
	}
	return append(lines, m.uplinks())
}

// uplinks lists all, with the one that is shown first.
func (m *Model) uplinks() string {
	shown, ok := m.current()
	if !ok {
		return warning.Styled("the agent has no uplink")
	}
	line := strong.Styled("Uplink "+shown.Name) + " on " + shown.Interface + ": " + state(shown.State)
	var others []string
	for _, u := range m.status.Uplinks {
		if u.Name != shown.Name {
			others = append(others, u.Name+" "+state(u.State))
		}
	}
	if len(others) > 0 {
		line += dim.Styled("   tab: ") + strings.Join(others, ", ")
	}
	return line
}

// state writes an uplink's state, and what it means where that is not plain.
func state(s string) string {
	switch s {
	case client.Shaped:
		return s
	case client.Failed:
		return alarm.Styled("FAILED")
	}
	return warning.Styled(strings.ToUpper(s))
}

// bottom explains the choice, gives the agent's answer, and says which keys there are.
func (m *Model) bottom() []string {
	var lines []string
	if m.roomy() {
		lines = append(lines, "")
	}
	if m.typed != nil {
		return append(lines,
			fmt.Sprintf("new %s of %s on %s, both directions, such as 40%% or 8mbit", m.typed.of.bound, m.typed.of.slice, m.typed.of.uplink),
			focused.Styled(" "+m.typed.text+"_ "),
			"enter sends it   esc leaves it as it is")
	}
	lines = append(lines, m.choice())
	if m.answer.refused {
		answer := wrap(m.answer.text, "  ", m.width)
		for _, line := range answer[:min(len(answer), 3)] {
			lines = append(lines, alarm.Styled(line))
		}
	} else {
		lines = append(lines, m.answer.text)
	}
	return append(lines, m.keys())
}

// keys is the line of keys, as much of it as fits.
func (m *Model) keys() string {
	if m.width < 80 {
		return "↑↓ slice  ←→ min/max  +- step  enter value  tab uplink  ? help  q quit"
	}
	return "↑↓ slice  ←→ min/max  +- step  enter value  r reset  tab uplink  ? help  q quit"
}

// choice says in words how the chosen slice fares.
func (m *Model) choice() string {
	rows := m.rows()
	at := m.chosen(rows)
	if at < 0 {
		return ""
	}
	s := rows[at]
	return fmt.Sprintf("%s, %s: min %s Mbit/s (%.0f%%), max %s (%.0f%%)%s",
		s.Name, load(s.Direction), mbit(float64(s.MinBPS)), m.percent(s, minBound), mbit(float64(s.MaxBPS)), m.percent(s, maxBound),
		use(m.figures.rate(keyOf(s)), s).words)
}
