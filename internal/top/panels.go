package top

import (
	"fmt"
	"math"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Widths of the columns, without the spaces before them. The name and the sparkline share what these leave.
const (
	leastName, mostName = 10, 32
	rateWidth           = 8 // with room for the brackets around the chosen bound
	delayWidth          = 6
	dropsWidth          = 7
	devicesWidth        = 4
	fixedWidth          = 2 + 3*rateWidth + 1 + 1 + 2*(1+delayWidth) + 1 + dropsWidth + 1 + devicesWidth
	leastSpark          = 5
)

// usage is how a rate compares with a slice's bounds.
type usage struct {
	sign  string // one character
	style ansi.Style
	words string
}

// nearly is the part of its max from which on a slice counts as full.
const nearly = 0.95

func use(rate float64, s client.SliceStatus) usage {
	switch {
	case math.IsNaN(rate), s.MaxBPS == 0:
		return usage{" ", nil, ""}
	case rate >= nearly*float64(s.MaxBPS):
		return usage{"!", alarm, ": full, the rest waits"}
	case rate > float64(s.MinBPS):
		return usage{"+", warning, ": uses what others leave"}
	}
	return usage{" ", nil, ": has room"}
}

// slices draws both directions of the uplink, and says on which line the choice is.
func (m *Model) slices() (lines []string, chosen int) {
	u, ok := m.current()
	if !ok {
		return nil, 0
	}
	name, sparkline := m.widths()
	lines = append(lines, dim.Styled(fmt.Sprintf("  %s %s %s %s %s %s %s %s %s",
		left("slice", name), left(fmt.Sprintf("last %d s", sparkline), sparkline), right("Mbit/s ", rateWidth), right("min ", rateWidth-1),
		right("max ", rateWidth), right("p50 ms", delayWidth), right("p99 ms", delayWidth), right("drops/s", dropsWidth), right("devs", devicesWidth))))
	for _, direction := range directions {
		link := linkOf(u, direction)
		if m.airy() {
			lines = append(lines, "")
		}
		if link.RateBPS == nil {
			lines = append(lines, heading.Styled(strings.ToUpper(left(load(direction), 8)))+"  off: not shaped")
			continue
		}
		lines = append(lines, heading.Styled(strings.ToUpper(left(load(direction), 8)))+"  "+m.offered(link))
		for _, s := range m.rows() {
			if s.Direction != direction {
				continue
			}
			if keyOf(s) == m.cursor {
				chosen = len(lines)
			}
			lines = append(lines, m.row(s, name, sparkline))
		}
	}
	return lines, chosen
}

// offered says how much is offered to a link that is shaped.
func (m *Model) offered(link client.LinkStatus) string {
	rate := mbit(float64(*link.RateBPS))
	if m.lost != nil {
		return fmt.Sprintf("- Mbit/s offered to %s", rate)
	}
	return fmt.Sprintf("%s Mbit/s offered to %s  %s", mbit(float64(link.UsedBPS)), rate, gauge(link.UsedBPS, *link.RateBPS, m.width/3))
}

// load is what a direction is called.
func load(direction string) string {
	if direction == client.Up {
		return "upload"
	}
	return "download"
}

// widths divides what the fixed columns leave between names and sparklines.
func (m *Model) widths() (name, sparkline int) {
	name = leastName
	for _, s := range m.status.Slices {
		name = max(name, ansi.StringWidth(s.Name))
	}
	left := m.width - fixedWidth - 2
	name = min(name, mostName, left-leastSpark)
	return name, min(left-name, kept)
}

// row draws a slice.
func (m *Model) row(s client.SliceStatus, name, sparkline int) string {
	k := keyOf(s)
	rate, drops := m.figures.rate(k), m.figures.drops(k)
	u := use(rate, s)
	mark, nameStyle := "  ", ansi.Style(nil)
	if k == m.cursor {
		mark, nameStyle = "> ", strong
	}
	p50, p99 := "-", "-"
	if s.DelayUS != nil {
		p50, p99 = ms(s.DelayUS.P50), ms(s.DelayUS.P99)
	}
	var dropped ansi.Style
	if drops > 0 {
		dropped = alarm
	}
	return nameStyle.Styled(mark+left(s.Name, name)) + " " +
		spark(m.figures.history(k, sparkline), s.MaxBPS, sparkline) + " " +
		u.style.Styled(right(mbit(rate), rateWidth-1)+u.sign) + " " +
		m.cell(s, minBound, rateWidth-1) + " " + m.cell(s, maxBound, rateWidth) + " " +
		right(p50, delayWidth) + " " + right(p99, delayWidth) + " " +
		dropped.Styled(right(figure(drops), dropsWidth)) + " " + right(fmt.Sprint(s.Devices), devicesWidth)
}

// cell writes a bound, in brackets where the keys change it.
func (m *Model) cell(s client.SliceStatus, b bound, width int) string {
	text := mbit(float64(b.of(s)))
	if keyOf(s) != m.cursor || b != m.bound {
		return right(text+" ", width)
	}
	text = "[" + text + "]"
	return right("", width-len(text)) + focused.Styled(text)
}

// problems lists what is wrong and what to do.
func (m *Model) problems() []string {
	var lines []string
	if m.status.Stage > 0 {
		lines = append(lines, warning.Styled(fmt.Sprintf("! stage %d of 5: traffic is being held back", m.status.Stage)))
	}
	for _, p := range m.status.Problems {
		for _, line := range wrap("! "+p.What, "  ", m.width) {
			lines = append(lines, warning.Styled(line))
		}
		if p.Do != "" {
			lines = append(lines, wrap("  do: "+p.Do, "      ", m.width)...)
		}
	}
	if len(lines) > 0 {
		lines = append([]string{heading.Styled("PROBLEMS")}, lines...)
	}
	if len(lines) > 0 && m.roomy() {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// heaviest lists who fills the uplinks.
func (m *Model) heaviest() []string {
	device := 17 // a MAC
	for _, d := range m.devices {
		device = max(device, ansi.StringWidth(d.Device))
	}
	device = min(device, m.width-40)
	lines := []string{"", heading.Styled(left("HEAVIEST DEVICES", device+2)) + dim.Styled(fmt.Sprintf("%s %s %s  %s",
		right("down Mbit/s", 11), right("up Mbit/s", 9), right("total MB", 9), "who pays"))}
	if m.noList != nil {
		return append(lines, warning.Styled("  unknown: "+oneLine(m.noList.Error())))
	}
	for _, d := range m.devices {
		total := float64(d.Download.Bytes+d.Upload.Bytes) / 1e6
		lines = append(lines, fmt.Sprintf("  %s%s %s %s  %s", left(d.Device, device), right(mbit(float64(d.Download.UsedBPS)), 11),
			right(mbit(float64(d.Upload.UsedBPS)), 9), right(figure(total), 9), d.Experience))
	}
	if len(m.devices) == 0 {
		lines = append(lines, dim.Styled("  none seen yet"))
	}
	return lines
}
