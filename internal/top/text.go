package top

import (
	"fmt"
	"math"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/slicegate/slicegate/internal/api/client"
)

// What the screen's colours mean. Each also has a sign or a word: there may be no colours.
var (
	heading = ansi.Style{}.Bold()
	strong  = ansi.Style{}.Bold()
	focused = ansi.Style{}.Bold().Reverse(true)
	dim     = ansi.Style{}.Faint()
	warning = ansi.Style{}.ForegroundColor(ansi.Yellow)
	alarm   = ansi.Style{}.Bold().ForegroundColor(ansi.Red)
)

// levels are the heights of a sparkline; nothing at all is a dot, so that it is not taken for little.
var levels = []rune("▁▂▃▄▅▆▇█")

// spark draws rates against a slice's max, the latest at the right. What is above it is cut before it becomes an int, which may not hold it.
func spark(rates []float64, most uint64, width int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", max(0, width-len(rates))))
	for _, r := range rates[max(0, len(rates)-width):] {
		switch {
		case math.IsNaN(r):
			b.WriteRune(' ')
		case r == 0:
			b.WriteRune('·')
		default:
			level := len(levels)
			if most > 0 {
				level = int(math.Ceil(min(r/float64(most), 1) * float64(len(levels))))
			}
			b.WriteRune(levels[max(level, 1)-1])
		}
	}
	return b.String()
}

// gauge draws a part of a whole as a bar. More than the whole is a full bar, however much more.
func gauge(part, whole uint64, width int) string {
	full := 0
	if whole > 0 {
		full = int(min(float64(part)/float64(whole), 1)*float64(width) + 0.5)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// figure writes three significant digits or so of a number whose unit the column says, in at most six characters up to a million.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v == 0:
		return "0"
	case v < 0.005:
		return "<0.01"
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// mbit writes bit/s in Mbit/s: one unit for all, so that columns compare at a glance.
func mbit(bps float64) string { return figure(bps / 1e6) }

// ms writes µs in ms.
func ms(us uint64) string { return figure(float64(us) / 1e3) }

// left fits a text into a width, cut with an ellipsis or padded at its right.
func left(s string, width int) string {
	s = ansi.Truncate(s, max(width, 0), "…")
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// right pads a short text at its left.
func right(s string, width int) string {
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}

// wrap breaks a text into lines; all but the first are indented.
func wrap(s, indent string, width int) []string {
	lines := strings.Split(ansi.Wrap(s, max(width-len(indent), 1), ""), "\n")
	for i := range lines {
		if i > 0 {
			lines[i] = indent + strings.TrimLeft(lines[i], " ")
		}
	}
	return lines
}

// cleanStatus keeps what others named from steering the terminal.
func cleanStatus(s client.Status) client.Status {
	for i, u := range s.Uplinks {
		s.Uplinks[i].Name, s.Uplinks[i].Interface, s.Uplinks[i].State = oneLine(u.Name), oneLine(u.Interface), oneLine(u.State)
	}
	for i, row := range s.Slices {
		s.Slices[i].Uplink, s.Slices[i].Name = oneLine(row.Uplink), oneLine(row.Name)
	}
	for i, p := range s.Problems {
		s.Problems[i] = client.Problem{What: oneLine(p.What), Do: oneLine(p.Do)}
	}
	return s
}

func cleanDevices(d client.Devices) []client.DeviceStatus {
	for i, device := range d.Devices {
		d.Devices[i].Device, d.Devices[i].Experience = oneLine(device.Device), oneLine(device.Experience)
	}
	return d.Devices
}
